import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Resend } from 'resend'
import { until } from './support/ask.ts'
import { startServer } from './support/server.ts'
import { type Behaviour, startSmtpPeer } from './support/smtp-peer.ts'

const CLI = join(import.meta.dirname, '../../packages/cli/src/account.ts')
const FROM = 'ada@kabutar.test'
const PER_MAIL = 50
/** Longer than the bounces take, which come as events behind SES. */
const RETRY_SECONDS = process.env.KABUTAR_FLOW === 'aws' ? 30 : 3

test('an account whose mail bounces pauses itself, shows what waits, and is resumed by the operator', async () => {
  const gone = Array.from({ length: 2 * PER_MAIL }, (_, n): [string, Behaviour] => [
    `gone${n}`,
    { at: 'rcpt', reply: '550 5.1.1 No such user' },
  ])
  const later: Behaviour = { at: 'rcpt', reply: '451 4.3.0 Try again later' }
  await using peer = await startSmtpPeer({ behaviours: { ...Object.fromEntries(gone), later } })
  let asked = 0
  await using server = await startServer({
    env: { KABUTAR_RELAY: `smtp://127.0.0.1:${peer.port}`, KABUTAR_SEND_RETRIES: `${RETRY_SECONDS}s,1h` },
    relayDefers: (recipient) => recipient === 'later@dest.test' && ++asked > 0,
  })
  const resend = new Resend(server.apiKey, { baseUrl: server.url })
  const send = async (...to: string[]) => {
    const { data, error } = await resend.emails.send({ from: FROM, to, subject: 's', text: 't' })
    return { id: data?.id ?? '', error }
  }
  const some = (name: string, from = 0) => Array.from({ length: PER_MAIL }, (_, n) => `${name}${from + n}@dest.test`)
  for (let n = 0; n < 20; n++) assert.equal((await send(...some(`here${n}-`))).error, null)
  await peer.waitFor(20)

  const { id: waiting } = await send('later@dest.test')
  const deferredAt = Date.now()
  await send(...some('gone'))
  await send(...some('gone', PER_MAIL))
  // Asked of the log first: each mail that is accepted lowers the share of those that bounced.
  const told = () =>
    server.stderr.some((line) => line.includes('an account is paused') && /"level":"error"/i.test(line))
  await until('the pause', async () => told(), 25)
  const refused = await until('a refusal', async () => (await send('here@dest.test')).error ?? undefined)
  assert.deepEqual([refused.statusCode, refused.name], [403, 'suspended_api_key'])

  const shown = (await resend.emails.get(waiting)).data as unknown as Record<string, unknown>
  assert.deepEqual([shown.waiting_reason, shown.waiting_until], ['account_paused', null])
  await sleep(deferredAt + 1000 * (RETRY_SECONDS + 1) - Date.now())
  const attempts = peer.attempts().filter(({ recipient }) => recipient === 'later@dest.test')
  assert.equal(attempts.length + asked, 1, 'nothing goes out, what was deferred neither')

  const { args, env } = server.operator
  const options = { timeout: 20_000, env: { ...process.env, ...env } }
  await promisify(execFile)(process.execPath, [CLI, 'resume', 'first', ...args], options)
  // Another process or function may still have the pause in its cache for some seconds: it refuses the mail, or lets it wait.
  await until('the end of the pause', async () => {
    await send('here@dest.test')
    return peer.received().some(({ envelope }) => envelope.recipients.includes('here@dest.test'))
  })
})
