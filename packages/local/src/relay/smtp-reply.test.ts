import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rejectionOf, relayIdOf, statusOf } from './smtp-reply.ts'

const cases: readonly { response: string; status?: string; relayId?: string }[] = [
  { response: '250 2.0.0 Ok: queued as 4XyZ1q2w3e', status: '2.0.0', relayId: '4XyZ1q2w3e' },
  { response: '250 OK id=1tAbCd-0001Xy-2Z', relayId: '1tAbCd-0001Xy-2Z' },
  { response: '250 Ok' },
  { response: '550 5.1.1 <a@b>: unknown', status: '5.1.1' },
  { response: '550-5.1.1 first\n550 5.1.1 second', status: '5.1.1' },
  { response: '550 5.1.10 null MX', status: '5.1.10' },
  { response: '550 4.1.1 disagrees' },
  { response: '550 5.1 short' },
  { response: '550 Message of 5.1.1 kind' },
  { response: '' },
]
for (const { response, status, relayId = '' } of cases) {
  test(`the reply ${JSON.stringify(response)}`, () => {
    assert.equal(statusOf(response), status)
    assert.equal(relayIdOf(response), relayId)
  })
}

test('a multiline reply becomes one diagnostic of bounded length', () => {
  const failure = Object.assign(new Error(), {
    response: '550-5.7.1 Bad\r\n550-5.7.1 mail\n550 5.7.1 server',
    responseCode: 550,
  })
  assert.equal(rejectionOf('a@b', failure).diagnostic, '550-5.7.1 Bad mail server')
  failure.response = `550 ${'x'.repeat(5000)}`
  assert.equal(rejectionOf('a@b', failure).diagnostic.length, 500)
})
