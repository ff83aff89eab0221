import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Client } from '@kabutar/testing/smtp-client.ts'
import { keepingBackend, start } from '@kabutar/testing/smtp-server.ts'
import type { Backend } from './backend.ts'

const ENVELOPE = 'EHLO x.test\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\nDATA\r\n'
const letter = (n: number) => `${String(n).padStart(1000, '0')}\r\n`.repeat(60)

/** Their beginnings are more than what all connections together may hold. */
test('of many messages that come at once some are streamed, and all of them are whole', async (t) => {
  const forms = { whole: 0, streamed: 0 }
  const received: Parameters<typeof keepingBackend>[0] = []
  const keeping = keepingBackend(received)
  const data: Backend['data'] = (session, envelope, body) => {
    forms[body instanceof Uint8Array ? 'whole' : 'streamed']++
    return keeping.data(session, envelope, body)
  }
  const { port } = await start(t, { backend: { ...keeping, data } })
  for (const round of [1, 2]) {
    const clients = Array.from({ length: 100 }, () => Client.to(port))
    await Promise.all(clients.map((client) => client.send(ENVELOPE)))
    await Promise.all(clients.map((client) => client.codes(5)))
    await Promise.all(clients.map((client, n) => client.send(letter(n))))
    await new Promise((resolve) => setTimeout(resolve, 50))
    await Promise.all(clients.map((client) => client.send('.\r\n')))
    for (const client of clients) {
      assert.equal(await client.codes(1), '250')
      client.destroy()
    }
    const contents = received
      .splice(0)
      .map(({ content }) => content.toString())
      .sort()
    assert.deepEqual(contents, Array.from({ length: 100 }, (_, n) => letter(n)).sort())
    assert.ok(forms.whole >= 50 * round && forms.streamed > 0, JSON.stringify(forms))
  }
})
