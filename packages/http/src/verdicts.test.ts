import assert from 'node:assert/strict'
import { test } from 'node:test'
import { receiveFromSes } from '@kabutar/core/receiving/from-ses.ts'
import { drainReceived, LETTER } from '@kabutar/core/receiving/testing.ts'
import { notificationOf } from '../../../test/aws/ses-receipt.ts'
import { call, receiveOne, setup } from './testing.ts'

test('mail that SES received shows its verdicts, mail that nobody judged shows none', async () => {
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
