import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { Resend } from 'resend'
import { ok } from './support/ask.ts'
import { type Server, startServer } from './support/server.ts'
import { type SmtpPeer, startSmtpPeer } from './support/smtp-peer.ts'

const GONE = 'gone@dest.test'
let peer: SmtpPeer
let server: Server
let resend: Resend
before(async () => {
  peer = await startSmtpPeer({ behaviours: { gone: { at: 'rcpt', reply: '550 5.1.1 No such user', times: 1 } } })
  server = await startServer({ env: { KABUTAR_RELAY: `smtp://127.0.0.1:${peer.port}` } })
  resend = new Resend(server.apiKey, { baseUrl: server.url })
})
after(async () => {
  await server?.close()
  await peer?.[Symbol.asyncDispose]()
})

/** Sends to the addresses and waits for the expected outcomes. Answers the id. */
async function send(to: readonly string[], expected: readonly string[]): Promise<string> {
  const { id } = await ok(resend.emails.send({ from: 'ada@kabutar.test', to: [...to], subject: 's', text: 't' }))
  let outcomes: readonly string[] = []
  for (let tries = 0; tries < 200; tries++) {
    const email = (await ok(resend.emails.get(id))) as unknown as { recipients: { last_event: string }[] }
    outcomes = email.recipients.map(({ last_event }) => last_event)
    if (isDeepStrictEqual(outcomes, expected)) return id
    await sleep(50)
  }
  throw new Error(`waited 10 s for ${expected}, and it is ${outcomes}`)
}

test('an address that bounced is suppressed, has an event for it, and can be removed from the list', async () => {
  const id = await send([GONE], ['bounced'])
  const listed = (await ok(resend.suppressions.list({ origin: 'bounce' }))).data
  assert.deepEqual(
    listed.map(({ email, origin, source_id }) => ({ email, origin, source_id })),
    [{ email: GONE, origin: 'bounce', source_id: id }],
  )
  // The peer would accept the address now, so only the suppression can hold the message back.
  await send([GONE, 'here@dest.test'], ['suppressed', 'sent'])
  assert.equal(peer.attempts().filter(({ recipient }) => recipient === GONE).length, 1)

  const { deleted } = await ok(resend.suppressions.remove(GONE))
  assert.equal(deleted, true)
  await send([GONE], ['sent'])
})

test('an address is suppressed by hand, one by one and in batches', async () => {
  const { id } = await ok(resend.suppressions.add({ email: 'Hand@dest.test' }))
  assert.equal((await ok(resend.suppressions.get('hand@dest.test'))).id, id)
  await ok(resend.suppressions.batch.add({ emails: ['b1@dest.test', 'b2@dest.test'] }))
  await send(['hand@dest.test', 'b1@dest.test', 'free@dest.test'], ['suppressed', 'suppressed', 'sent'])
  const { data } = await ok(resend.suppressions.list({ limit: 2 }))
  const removed = await ok(resend.suppressions.batch.remove({ ids: data.map(({ id }) => id) }))
  assert.equal(removed.data.length, 2)
  await send(['b1@dest.test'], ['sent'])
  assert.equal((await resend.suppressions.get('b1@dest.test')).error?.name, 'not_found')
})
