import assert from 'node:assert/strict'
import { createHmac, timingSafeEqual } from 'node:crypto'
import { test } from 'node:test'
import { uuidIds } from '@kabutar/local/uuid-ids.ts'
import { Resend } from 'resend'
import { Webhook as StandardWebhook } from 'standardwebhooks'
import { Webhook as SvixWebhook } from 'svix'
import { newSecret, signedHeaders } from './sign.ts'

const IDS = uuidIds({ now: () => 0 })
type Headers = Readonly<Record<string, string>>
type Verify = (secret: string, body: string, headers: Headers) => void

/** Standard Webhooks 1.0, "Verifying webhook authenticity", from its text alone. */
function bySpecification(secret: string, body: string, headers: Headers): void {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures = '' } = headers
  const age = Math.abs(Date.now() / 1000 - Number(timestamp))
  assert.ok(age <= 300, 'too old')
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest()
  const given = signatures.split(' ').map((part) => part.split(','))
  const matches = given.some(([version, text = '']) => {
    const bytes = Buffer.from(text, 'base64')
    return version === 'v1' && bytes.length === expected.length && timingSafeEqual(bytes, expected)
  })
  assert.ok(matches, 'no signature matches')
}

const only = (prefix: string, headers: Headers): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith(prefix)))

const VERIFIERS: Readonly<Record<string, Verify>> = {
  svix: (secret, body, headers) => new SvixWebhook(secret).verify(body, only('svix-', headers)),
  'svix, other names': (secret, body, headers) => new SvixWebhook(secret).verify(body, only('webhook-', headers)),
  standardwebhooks: (secret, body, headers) => new StandardWebhook(secret).verify(body, only('webhook-', headers)),
  resend: (webhookSecret, payload, headers) => {
    const [id, timestamp, signature] = ['id', 'timestamp', 'signature'].map((name) => headers[`svix-${name}`] ?? '')
    new Resend('re_x').webhooks.verify({
      payload,
      headers: { id: id!, timestamp: timestamp!, signature: signature! },
      webhookSecret,
    })
  },
  'the specification': bySpecification,
}

const id = `msg_${'0'.repeat(32)}`
const body = JSON.stringify({
  type: 'email.sent',
  created_at: '2026-01-01T00:00:00.000Z',
  data: { subject: 'Grüße ✓' },
})
const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000)

for (const [name, verify] of Object.entries(VERIFIERS)) {
  test(`${name} accepts what we sign, and nothing else`, () => {
    const secret = newSecret(IDS)
    const headers = signedHeaders([secret], id, ago(0), body)
    verify(secret, body, headers)
    verify(secret, body, signedHeaders([secret], id, ago(4), body))
    const both = signedHeaders([newSecret(IDS), secret], id, ago(0), body)
    verify(secret, body, both)
    const otherId = { ...headers, 'svix-id': 'msg_x', 'webhook-id': 'msg_x' }
    assert.throws(() => verify(secret, `${body} `, headers), 'tampered body')
    assert.throws(() => verify(secret, body, otherId), 'tampered id')
    assert.throws(() => verify(secret, body, signedHeaders([secret], id, ago(6), body)), '6 minutes old')
    assert.throws(() => verify(secret, body, signedHeaders([secret], id, ago(-6), body)), 'from the future')
    assert.throws(() => verify(newSecret(IDS), body, headers), 'wrong secret')
  })
}

test('a secret is 24 random bytes, and the prefix is no part of the key', () => {
  const secret = newSecret(IDS)
  assert.match(secret, /^whsec_[A-Za-z0-9+/]{32}$/)
  assert.equal(Buffer.from(secret.slice(6), 'base64').length, 24)
  assert.notEqual(secret, newSecret(IDS))
})

test('the example of the Standard Webhooks libraries', () => {
  const headers = signedHeaders(
    ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
    'msg_p5jXN8AQM9LWM0D4loKWxJek',
    new Date(1614265330_000),
    '{"test": 2432232314}',
  )
  assert.equal(headers['svix-signature'], 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=')
})
