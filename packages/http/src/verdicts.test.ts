import assert from 'node:assert/strict'
import { test } from 'node:test'
import { receiveFromSes } from '@kabutar/aws/ses/inbound.ts'
import { call, receiveOne, setup } from '@kabutar/testing/http-rig.ts'
import { drainReceived, LETTER } from '@kabutar/testing/receiving-rig.ts'
import { createdOf, notificationOf } from '../../../test/aws/ses-receipt.ts'

test('mail that SES received has verdicts, other mail has none', async () => {
  const rig = await setup()
  const [key, recipients] = ['inbound/ses-1', ['ada@kabutar.test']]
  await rig.ports.blobs.put(key, Buffer.from(LETTER), { maxBytes: 1e6 })
  const body = JSON.stringify(notificationOf({ sesId: 'ses-1', key, recipients, receivedAt: new Date() }))
  const delivery = { id: 'q', body, attempt: 1, sentAt: 0, handle: 'h' }
  assert.deepEqual(await receiveFromSes(rig.ports, [delivery], new AbortController().signal), [])
  await drainReceived(rig.ports)
  const [{ id }] = (await call(rig, 'GET /emails/receiving')).body.data as [{ id: string }]
  const { verdicts } = (await call(rig, `GET /emails/receiving/${id}`)).body
  assert.deepEqual(verdicts, { spf: 'pass', dkim: 'pass', dmarc: 'pass', spam: 'pass', virus: 'pass' })
  assert.ok(!('verdicts' in (await call(rig, `GET /emails/receiving/${await receiveOne(rig)}`)).body))
})

test('mail whose envelope was lost says so, until the envelope comes', async () => {
  const rig = await setup()
  const key = 'inbound/ses-1'
  const take = async (event: object) => {
    const delivery = { id: 'q', body: JSON.stringify(event), attempt: 1, sentAt: 0, handle: 'h' }
    assert.deepEqual(await receiveFromSes(rig.ports, [delivery], new AbortController().signal), [])
    await drainReceived(rig.ports)
    const [{ id }] = (await call(rig, 'GET /emails/receiving')).body.data as [{ id: string }]
    const { reconstructed, received_for } = (await call(rig, `GET /emails/receiving/${id}`)).body
    return { reconstructed, received_for }
  }
  await rig.ports.blobs.put(key, Buffer.from(LETTER), { maxBytes: 1e6 })
  const lost = await take(createdOf(key))
  assert.equal(lost.reconstructed, true)
  const recipients = [...(lost.received_for as string[]), 'hidden@kabutar.test']
  // S3's own event comes after 15 minutes, so what comes after it is older.
  const receivedAt = new Date(rig.ports.clock.now() - 16 * 60_000)
  const found = await take(notificationOf({ sesId: 'ses-1', key, recipients, receivedAt }))
  assert.deepEqual(found, { reconstructed: undefined, received_for: recipients })
})
