/** Every operation, asked by keys that may not: none answers, and none changes anything. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createKey } from '@kabutar/core/accounts/keys.ts'
import { call, MAIL, receiveOne, type Setup, setup } from '@kabutar/testing/http-rig.ts'
import { drain } from '@kabutar/testing/sending-rig.ts'
import { OPERATIONS } from './operations.ts'

const EVENT_ID = '0199a0b0-0000-7000-8000-000000000001'
/** Spells a path in ways that a router could take for the same. */
const SPELLINGS: readonly ((path: string) => string)[] = [
  (path) => path,
  (path) => `/${path}`,
  (path) => path.replace('e', '%65'),
]
const BODIES = new Set(['post', 'put', 'patch'])
const keyed = OPERATIONS.filter(({ opens }) => opens === undefined)

async function ask({ app }: Setup, method: string, path: string, token?: string) {
  const answer = await app.request(path, {
    method: method.toUpperCase(),
    headers: {
      'Content-Type': 'application/json',
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
    },
    ...(BODIES.has(method) && { body: '{}' }),
  })
  return { status: answer.status, text: await answer.text() }
}

/** One of everything, in account `a`. Answers the ids by the first part of the path. */
async function fill(rig: Setup): Promise<Readonly<Record<string, string>>> {
  const { id: email } = (await call(rig, 'POST /emails', { ...MAIL, subject: 'A-SECRET' })).body
  await drain(rig.ports)
  const first = async (list: string) => ((await call(rig, list)).body.data as { readonly id: string }[])[0]?.id ?? ''
  const hook = await call(rig, 'POST /webhooks', { endpoint: 'https://x.test/hook', events: ['email.sent'] })
  const suppressed = await call(rig, 'POST /suppressions', { email: 'victim@y.test' })
  return {
    emails: String(email),
    receiving: await receiveOne(rig),
    webhooks: String(hook.body.id),
    suppressions: String(suppressed.body.id),
    domains: await first('GET /domains'),
    'api-keys': await first('GET /api-keys'),
  }
}

const LISTS = ['/emails', '/emails/receiving', '/domains', '/api-keys', '/suppressions', '/webhooks']

/** Answers what the account sees, without the times of use and the links, which differ each time. */
async function view(rig: Setup, ids: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const paths = [...LISTS, `/emails/${ids.emails}`, `/emails/receiving/${ids.receiving}`, `/webhooks/${ids.webhooks}`]
  const seen: string[] = []
  for (const path of paths) {
    const { text } = await ask(rig, 'get', path, rig.token)
    seen.push(text.replace(/"(expires_at|download_url|last_used_at)":"[^"]*"/g, ''))
  }
  return seen
}

const pathFor = (path: string, ids: Readonly<Record<string, string>>) => {
  const [, first = '', second = ''] = path.split('/')
  return path.replace(':id', ids[second] ?? ids[first] ?? EVENT_ID).replace(/:\w+/g, EVENT_ID)
}

describe('a key that may not', () => {
  test('opens no operation in any spelling, and changes nothing', async (t) => {
    const rig = await setup()
    const ids = await fill(rig)
    const before = await view(rig, ids)
    const { token: sending } = await createKey(rig.ports, 'a', { name: 's', permission: 'sending_access' })
    const { token: foreignSending } = await createKey(rig.ports, 'b', { name: 's', permission: 'sending_access' })
    const { token: foreign } = await createKey(rig.ports, 'b', { name: 'f', permission: 'full_access' })
    const restricted = [sending, foreignSending]
    const own = await view(rig, ids)
    let tries = 0
    for (const { method, path } of keyed) {
      for (const spelling of SPELLINGS) {
        const target = spelling(pathFor(path, ids))
        for (const token of [sending, foreignSending, 're_wrong', `${rig.token}x`, '', undefined]) {
          const { status, text } = await ask(rig, method, target, token)
          const mayAsk = restricted.includes(token ?? '') && ['/emails', '/uploads', '/session'].includes(path)
          // An operation that such a key may use refuses the empty body.
          assert.ok(status >= 400 || (mayAsk && path === '/session'), `${method} ${target} ${status} ${text}`)
          assert.ok(status < 500, `${method} ${target} ${status}`)
          assert.doesNotMatch(text, /A-SECRET|whsec_|victim/)
          tries++
        }
        // A stream has no end.
        if (path === '/stream') continue
        const { status, text } = await ask(rig, method, target, foreign)
        assert.ok(status < 500, `${method} ${target} ${status}`)
        assert.doesNotMatch(text, /A-SECRET|victim|kabutar\.test/, `${method} ${target} ${text}`)
        tries++
      }
    }
    t.diagnostic(`${tries} tries`)
    assert.ok(tries >= 975, `${tries} tries`)
    assert.deepEqual((await view(rig, ids)).slice(0, 3), own.slice(0, 3))
    assert.deepEqual((await view(rig, ids)).slice(4), before.slice(4))
  })

  test('sends from no other domain, however From is written', async () => {
    const rig = await setup()
    const { body } = await call(rig, 'GET /domains')
    const domain = (body.data as { readonly id: string; readonly name: string }[]).find(
      ({ name }) => name === 'kabutar.test',
    )
    const { body: made } = await call(rig, 'POST /api-keys', {
      name: 's',
      permission: 'sending_access',
      domain_id: domain?.id,
    })
    const limited = { ...rig, token: String(made.token) }
    let refused = 0
    for (const from of FROMS) {
      const answer = await call(limited, 'POST /emails', { ...MAIL, from })
      if (answer.status !== 200) {
        refused++
        assert.ok(answer.status < 500, `${from} ${answer.status}`)
        continue
      }
      const { body: sent } = await call(rig, `GET /emails/${answer.body.id}`)
      assert.match(String(sent.from), /@kabutar\.test>?$/, `${from} was sent as ${sent.from}`)
    }
    assert.ok(refused > FROMS.length / 2, `${refused} of ${FROMS.length} were refused`)
  })
})

const FROMS = [
  'x@second.test',
  'x@b.test',
  'X <x@second.test>',
  '"x@kabutar.test" <x@second.test>',
  'x@kabutar.test <x@second.test>',
  'x@sub.kabutar.test',
  'x@kabutar.test.',
  'x@kabutar.test@second.test',
  '"x@kabutar.test"@second.test',
  '<x@second.test>, <x@kabutar.test>',
  'x@second.test, x@kabutar.test',
  'x@kabutar.test,x@second.test',
  'a: x@kabutar.test;',
  '@kabutar.test,@second.test:x@second.test',
  '<@kabutar.test:x@second.test>',
  '<x@second.test> <x@kabutar.test>',
  'x@second.test <x@kabutar.test> <y@second.test>',
  'x@second.test(kabutar.test)',
  'x(@kabutar.test)@second.test',
  'x@kabutar。test',
  'x@ｋabutar.test',
  'x@kabutar.test\u0000',
  'x@kabutar\u00ad.test',
  'x@kabutar.test\n',
  'x@kabutar.test\r\nBcc: q@q.test',
  'x@KABUTAR.TEST',
  'x@xn--kabutar-.test',
  'x@[127.0.0.1]',
  'x@kabutar.test ',
  '\ufeffx@kabutar.test',
  'x@kabutar .test',
  'x @kabutar.test',
  'x@kabutar.test>',
  '<<x@kabutar.test>',
  'x@second.test\\ <x@kabutar.test>',
]
