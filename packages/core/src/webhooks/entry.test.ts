import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseWebhookEntry, webhookEntry } from './entry.ts'

const ENTRY = { account: 'a', endpoint: 'e', message: 'm', event: `msg_${'0'.repeat(32)}`, attempt: 1 }

test('an entry is read as it was written', () => {
  for (const entry of [ENTRY, { ...ENTRY, chained: 2, result: { code: 200, response: '', at: 5 } }])
    assert.deepEqual(parseWebhookEntry(webhookEntry(entry)), { v: 1, ...entry })
})

for (const [name, change] of [
  ['of another version', { v: 2 }],
  ['without an account', { account: '' }],
  ['of a number for an endpoint', { endpoint: 1 }],
  ['without a message', { message: undefined }],
  ['of an event that is none', { event: 'msg_0' }],
  ['of attempt 0', { attempt: 0 }],
  ['of half an attempt', { attempt: 1.5 }],
  ['of a half chain', { chained: 0.5 }],
  ['with half a result', { result: { code: 200 } }],
  ['with no result', { result: null }],
] as const) {
  test(`an entry ${name} is refused`, () => {
    assert.throws(() => parseWebhookEntry(JSON.stringify({ v: 1, ...ENTRY, ...change })))
  })
}

for (const body of ['', 'null', '[]', '"text"', '{']) {
  test(`${body || 'nothing'} is no entry`, () => {
    assert.throws(() => parseWebhookEntry(body))
  })
}
