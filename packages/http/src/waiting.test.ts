import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pauseRelay } from '@kabutar/core/sending/pauses.ts'
import { row } from '@kabutar/core/store/codec.ts'
import { accountPauseKey } from '@kabutar/core/store/keys.ts'
import { call, MAIL, setup } from '@kabutar/testing/http-rig.ts'
import { drain, queueAttempt } from '@kabutar/testing/sending-rig.ts'

test('a message that waits for the relay says why and until when, until it is sent', async () => {
  const rig = await setup()
  const { id } = (await call(rig, 'POST /emails', MAIL)).body
  await pauseRelay(rig.ports, 'quota', 3600_000)
  await drain(rig.ports)
  const { body } = await call(rig, `GET /emails/${id}`)
  const until = new Date(rig.ports.clock.now() + 3600_000).toISOString()
  assert.deepEqual([body.last_event, body.waiting_reason, body.waiting_until], ['queued', 'quota', until])
  rig.ports.clock.advance(3600_001)
  await queueAttempt(rig.ports, id as string)
  await drain(rig.ports)
  const sent = (await call(rig, `GET /emails/${id}`)).body
  assert.deepEqual([sent.last_event, 'waiting_reason' in sent, 'waiting_until' in sent], ['sent', false, false])
})

test('a paused account gets 403, its messages say that they wait, and only the operator resumes it', async () => {
  const rig = await setup()
  const { id } = (await call(rig, 'POST /emails', MAIL)).body
  await rig.ports.table.write({ kind: 'put', item: row('account-pause', accountPauseKey('a'), { at: 0 }) })
  rig.ports.caches.pauses.clear()
  const refused = await call(rig, 'POST /emails', MAIL)
  assert.deepEqual([refused.status, refused.body.name], [403, 'suspended_api_key'])
  assert.match(refused.body.message as string, /Sending is paused/)
  const { body } = await call(rig, `GET /emails/${id}`)
  assert.deepEqual([body.last_event, body.waiting_reason, body.waiting_until], ['queued', 'account_paused', null])

  assert.deepEqual((await call(rig, 'POST /accounts/a/resume', {})).body.name, 'invalid_api_key')
  const operator = { ...rig, token: 'operator' }
  assert.deepEqual((await call(operator, 'POST /accounts/a/resume', {})).body, { object: 'account', id: 'a' })
  assert.equal((await call(operator, 'POST /accounts/a/resume', {})).status, 404)
  assert.equal((await call(rig, 'POST /emails', MAIL)).status, 200)
})
