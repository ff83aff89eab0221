import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Semaphore } from '@kabutar/core/store/semaphore.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { call, MAIL, receiveOne, type Setup, setup } from '@kabutar/testing/http-rig.ts'
import { letter } from '@kabutar/testing/receiving-rig.ts'
import { createApp } from './app.ts'

const MB = 1024 * 1024

/** A server whose memory is all taken, where nobody waits for longer than a moment. */
async function busyServer() {
  const rig = await setup()
  const clock = { ...systemClock, after: (_ms: number, work: () => void) => systemClock.after(1, work) }
  const memory = new Semaphore(64 * MB, clock)
  const ports = { ...rig.ports, memory }
  const busy: Setup = { ...rig, app: createApp({ ...ports, downloads: ports.blobs }) }
  const { promise, resolve: release } = Promise.withResolvers<void>()
  const taken = memory.use(memory.units, () => promise)
  const free = async () => {
    release()
    await taken
  }
  return { rig, busy, free }
}

/** A body of two megabytes, and whether somebody read it. */
function largeBody(text: string) {
  let isRead = false
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        isRead = true
        controller.enqueue(Buffer.from(text))
        controller.close()
      },
    },
    { highWaterMark: 0 },
  )
  return { body, isRead: () => isRead }
}

describe('when large work holds all the memory', () => {
  test('a large body is refused and let go to its end, so that its client sees the answer, and a small one is taken', async () => {
    const { busy, free } = await busyServer()
    const text = JSON.stringify({ ...MAIL, text: 'x'.repeat(2 * MB) })
    const post = async (headers: Record<string, string>) => {
      const { body, isRead } = largeBody(text)
      const init: RequestInit = {
        method: 'POST',
        body,
        duplex: 'half',
        headers: { Authorization: `Bearer ${busy.token}`, ...headers },
      }
      const answer = await busy.app.request('/emails', init)
      return [answer.status, ((await answer.json()) as { name?: string }).name, isRead()]
    }
    const refused = [503, 'service_unavailable', true]
    assert.deepEqual(await post({ 'Content-Length': String(text.length) }), refused)
    assert.deepEqual(await post({ 'Transfer-Encoding': 'chunked' }), refused)
    assert.equal((await call(busy, 'POST /emails', MAIL)).status, 200)
    await free()
    assert.deepEqual(await post({ 'Content-Length': String(text.length) }), [200, undefined, true])
  })

  test('a large message is not sent again, and a small one is', async () => {
    const { rig, busy, free } = await busyServer()
    const large = await call(rig, 'POST /emails', { ...MAIL, text: 'x'.repeat(2 * MB) })
    const small = await call(rig, 'POST /emails', MAIL)
    const again = async ({ body }: typeof large) => (await call(busy, `POST /emails/${body.id}/send-again`)).status
    assert.deepEqual([await again(large), await again(small)], [503, 200])
    await free()
    assert.equal(await again(large), 200)
  })

  test('a large message is not read out, and a small one is', async () => {
    const { rig, busy, free } = await busyServer()
    const sent = await call(rig, 'POST /emails', { ...MAIL, text: 'x'.repeat(2 * MB) })
    const fields = 'From: Eve <eve@far.test>\nTo: ada@kabutar.test\nSubject: large'
    const large = await receiveOne(rig, letter(fields, `${'x'.repeat(70)}\r\n`.repeat(20_000)))
    const small = await receiveOne(rig)
    const paths = [`/emails/${sent.body.id}`, `/emails/receiving/${large}`, `/emails/receiving/${large}/attachments`]
    for (const path of paths) assert.equal((await call(busy, `GET ${path}`)).status, 503, path)
    assert.equal((await call(busy, `GET /emails/receiving/${small}`)).status, 200)
    assert.equal((await call(busy, 'GET /emails/receiving')).status, 200)
    await free()
    for (const path of paths) assert.equal((await call(busy, `GET ${path}`)).status, 200, path)
  })
})
