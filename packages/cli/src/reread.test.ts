import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { reread } from './reread.ts'

/** Answers each request with what `answer` says of its line. */
async function serve(answer: (line: string) => readonly [status: number, body: object]) {
  const lines: string[] = []
  const server = createServer((request, response: ServerResponse) => {
    const line = `${request.method} ${request.url}`
    lines.push(line)
    const [status, body] = answer(line)
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { api: { url, key: 're_x' }, lines, close: () => server.close() }
}

test('every undecoded message of all pages is read again, and no other', async () => {
  const server = await serve((line) => {
    if (line.startsWith('POST')) return [200, {}]
    if (line.includes('after=b')) return [200, { data: [{ id: 'c', undecoded: ['1.2'] }], has_more: false }]
    return [200, { data: [{ id: 'a', undecoded: ['whole'] }, { id: 'b' }], has_more: true }]
  })
  assert.equal(await reread(server.api, []), 2)
  assert.deepEqual(server.lines.slice(2), ['POST /emails/receiving/a/reread', 'POST /emails/receiving/c/reread'])
  server.close()
})

test('messages that are named are read again, and a refusal is the error', async () => {
  const server = await serve((line) => (line.includes('/b/') ? [404, { message: 'Email not found' }] : [200, {}]))
  assert.equal(await reread(server.api, ['a']), 1)
  await assert.rejects(reread(server.api, ['b']), /Email not found/)
  server.close()
})
