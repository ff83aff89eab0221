import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Relayed, relayContract } from '@kabutar/core/ports/relay.contract.ts'
import { captureRelay } from './capture.ts'

relayContract('the capture relay', async () => {
  const received: Relayed[] = []
  return { relay: captureRelay((envelope, raw) => void received.push({ envelope, raw })), received: () => received }
})

const envelope = { returnPath: '', recipients: ['a@example.com'] }

test('captured mail counts as delivered, and is tried again if delivery fails', async () => {
  const raw = Buffer.from('Subject: x\r\n\r\n')
  const result = await captureRelay().send(envelope, raw, { messageId: '<x@y>' })
  assert.deepEqual(result, { relayId: '', outcome: 'delivered', rejected: [] })
  const failing = captureRelay(() => Promise.reject(new Error('the table is away')))
  await assert.rejects(failing.send(envelope, raw, { messageId: '<x@y>' }), { kind: 'transient' })
})
