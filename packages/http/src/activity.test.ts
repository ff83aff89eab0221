import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createKey } from '@kabutar/core/accounts/keys.ts'
import { loggedChanges } from '@kabutar/core/messages/activity.ts'
import { ChangeLog, withChangeLog } from '@kabutar/core/messages/change-log.ts'
import { submit } from '@kabutar/core/sending/submit.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { call, MAIL, receiveOne, type Setup, setup } from '@kabutar/testing/http-rig.ts'
import { DRAFT, drain, KEY } from '@kabutar/testing/sending-rig.ts'
import { createApp } from './app.ts'

/** Less than a stream waits before it looks whether its reader is signed in. */
const SOON_MS = 3000

type Row = { readonly id: string; readonly [name: string]: unknown }
const rows = (body: Record<string, unknown>) => body.data as readonly Row[]

async function send(rig: Setup, some: object = {}): Promise<string> {
  rig.ports.clock.advance(10)
  return (await call(rig, 'POST /emails', { ...MAIL, ...some })).body.id as string
}

describe('GET /activity', () => {
  test('shows sent and received messages without their content', async () => {
    const rig = await setup()
    const text = `Your code is 17.\r\n\r\n${'It is valid for ten minutes. '.repeat(9)}`
    const tags = Array.from({ length: 12 }, (_, n) => ({ name: `n${n}`, value: 'v'.repeat(n === 0 ? 200 : 1) }))
    const sent = await send(rig, {
      cc: 'kim@y.test',
      text,
      tags,
      attachments: [{ filename: 'a.txt', content: 'aGk=' }],
    })
    rig.ports.clock.advance(10)
    const received = await receiveOne(rig)
    const { body } = await call(rig, 'GET /activity')
    const [first, second] = rows(body)
    assert.deepEqual([first?.id, second?.id, body.has_more, body.next], [received, sent, false, null])
    assert.deepEqual([first?.direction, first?.last_event, first?.attachments], ['received', null, 1])
    assert.deepEqual(first?.recipients, [{ address: 'ada@kabutar.test', last_event: null }])
    assert.deepEqual([second?.direction, second?.last_event, second?.attachments], ['sent', 'queued', 1])
    assert.deepEqual([second?.captured, second?.recipients_count, second?.cc], [false, 2, ['kim@y.test']])
    assert.equal(second?.preview, `Your code is 17. ${'It is valid for ten minutes. '.repeat(4)}`.slice(0, 120).trim())
    assert.deepEqual(second?.tags, [{ name: 'n0', value: `${'v'.repeat(120)}…` }, ...tags.slice(1, 10)])
    assert.deepEqual(first?.tags, [])
    assert.ok(!('text' in (second ?? {})))
  })

  test('filters by direction, status, addresses, tags and words', async () => {
    const rig = await setup()
    const one = await send(rig, { subject: 'Your order 17 was shipped', to: 'Bob@Y.test' })
    await drain(rig.ports)
    const two = await send(rig, {
      subject: 'Another',
      text: 'Once again',
      from: 'Team <team@second.test>',
      tags: [{ name: 'Flow', value: 'sign-in' }],
    })
    rig.ports.clock.advance(10)
    const three = await receiveOne(rig)
    const cases: readonly [string, readonly string[]][] = [
      ['', [three, two, one]],
      ['direction=sent', [two, one]],
      ['direction=received', [three]],
      ['direction=captured', []],
      ['status=sent', [one]],
      ['status=queued,sent', [two, one]],
      ['to=bob@y', [two, one]],
      ['to=ADA@', [three]],
      ['from=team', [two]],
      ['q=order%20SHIPPED', [one]],
      ['q=order+refund', []],
      ['q=order+BOB', [one]],
      ['q=team@second', [two]],
      ['q=again+another', [two]],
      ['tag=flow:sign', [two]],
      ['tag=SIGN-IN', [two]],
      ['tag=flow&direction=received', []],
    ]
    for (const [query, expected] of cases) {
      const { body } = await call(rig, `GET /activity?${query}`)
      assert.deepEqual(
        rows(body).map(({ id }) => id),
        expected,
        query,
      )
    }
    for (const query of ['direction=both', 'status=lost', 'limit=0', 'after=x', `q=${'x'.repeat(201)}`]) {
      assert.equal((await call(rig, `GET /activity?${query}`)).status, 422, query)
    }
  })

  test('of a message that the relay captured says so', async () => {
    const rig = await setup()
    Object.assign(rig.ports.relay, { captures: true })
    const id = await send(rig)
    await drain(rig.ports)
    const { body } = await call(rig, 'GET /activity?direction=captured')
    assert.deepEqual(
      rows(body).map((row) => [row.id, row.captured]),
      [[id, true]],
    )
    assert.equal((await call(rig, `GET /emails/${id}`)).body.captured, true)
  })
})

describe('GET /activity/changes', () => {
  test('answers what changed after the cursor of a list, and waits for what has not', async () => {
    const rig = await setup()
    const { body: list } = await call(rig, 'GET /activity')
    const waiting = call(rig, `GET /activity/changes?after=${list.cursor}&wait=25`)
    const id = await send(rig)
    const { body } = await waiting
    assert.deepEqual(
      rows(body).map((row) => [row.id, row.last_event]),
      [[id, 'queued']],
    )
    await drain(rig.ports)
    const { body: later } = await call(rig, `GET /activity/changes?after=${body.cursor}`)
    assert.deepEqual(
      rows(later).map((row) => [row.id, row.last_event]),
      [[id, 'sent']],
    )
    assert.deepEqual([later.reset, later.retry_ms], [false, 0])
  })

  test('asks for a fresh list after a cursor that it does not know', async () => {
    const rig = await setup()
    const { body } = await call(rig, 'GET /activity/changes?after=old.1&wait=25')
    assert.deepEqual([body.reset, body.data], [true, []])
    assert.equal((await call(rig, 'GET /activity/changes?wait=26')).status, 422)
  })
})

describe('GET /stream', () => {
  async function open(rig: Setup, headers = {}) {
    const answer = await rig.app.request('/stream', { headers: { Authorization: `Bearer ${rig.token}`, ...headers } })
    assert.equal(answer.headers.get('content-type'), 'text/event-stream')
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader()
    const next = async () => {
      const { value, done } = await reader.read()
      if (done) return undefined
      const fields = Object.fromEntries(
        Buffer.from(value)
          .toString()
          .trim()
          .split('\n')
          .map((line) => line.split(/: (.*)/s).slice(0, 2)),
      ) as Record<string, string>
      return { ...fields, data: JSON.parse(fields.data ?? '{}') as Record<string, unknown> } as {
        readonly id: string
        readonly event: string
        readonly data: Record<string, unknown>
      }
    }
    return { next, close: () => reader.cancel() }
  }

  test('tells of a message and then of its status, and goes on after the last id', async () => {
    const rig = await setup()
    const stream = await open(rig)
    const hello = await stream.next()
    assert.equal(hello?.event, 'hello')
    const id = await send(rig)
    const first = await stream.next()
    assert.deepEqual([first?.event, rows(first?.data ?? {})[0]?.id], ['changes', id])
    await drain(rig.ports)
    await stream.close()
    const again = await open(rig, { 'Last-Event-ID': first?.id })
    await again.next()
    const missed = await again.next()
    assert.deepEqual(
      rows(missed?.data ?? {}).map((row) => [row.id, row.last_event]),
      [[id, 'sent']],
    )
    await again.close()
  })

  test('ends with its key, and tells nothing more', async () => {
    const rig = await setup()
    const stream = await open(rig)
    await stream.next()
    const { body } = await call(rig, 'GET /api-keys')
    const next = stream.next()
    await call(rig, `DELETE /api-keys/${rows(body)[0]?.id}`)
    await submit(rig.ports, KEY, DRAFT)
    assert.equal(await next, undefined)
  })

  test('ends at once with its key, though nothing is told, and streams of other keys go on', async () => {
    const rig = await setup()
    const { id, token } = await createKey(rig.ports, 'a', { name: 'other', permission: 'full_access' })
    const [ended, other] = [await open({ ...rig, token }), await open(rig)]
    for (const stream of [ended, other]) await stream.next()
    const next = ended.next()
    await call(rig, `DELETE /api-keys/${id}`)
    assert.equal(await Promise.race([next, sleep(SOON_MS, 'open', { ref: false })]), undefined)
    const sent = await send(rig)
    assert.equal(rows((await other.next())?.data ?? {})[0]?.id, sent)
    await other.close()
  })

  test('says nothing of what its reader sent, unless that is a cursor', async () => {
    const rig = await setup()
    const { body } = await call(rig, 'GET /activity')
    for (const end of ['', '\n\nevent: changes\ndata: {"data":[{"id":"forged"}]}', '\rid: x']) {
      const after = encodeURIComponent(`${body.cursor}${end}`)
      const headers = { Authorization: `Bearer ${rig.token}` }
      const answer = await rig.app.request(`/stream?after=${after}`, { headers })
      const reader = (answer.body as ReadableStream<Uint8Array>).getReader()
      const hello = Buffer.from((await reader.read()).value ?? []).toString()
      assert.equal(hello, `${end === '' ? `id: ${body.cursor}\n` : ''}event: hello\ndata: {}\n\n`)
      if (end !== '') assert.match(Buffer.from((await reader.read()).value ?? []).toString(), /"reset":true/)
      await reader.cancel()
    }
  })

  test('is refused beyond twenty of an account and a hundred in all, until one ends', async () => {
    const rig = await setup()
    const readers = [rig]
    for (const account of ['b', 'c', 'd', 'e', 'f']) {
      const { token } = await createKey(rig.ports, account, { name: 'k', permission: 'full_access' })
      readers.push({ ...rig, token })
    }
    const streams: Awaited<ReturnType<typeof open>>[] = []
    const openOne = async (reader: Setup) => {
      const stream = await open(reader)
      await stream.next()
      streams.push(stream)
    }
    const last = readers.pop() ?? rig
    for (const reader of readers) {
      for (let n = 0; n < 20; n++) await openOne(reader)
      if (reader === rig) assert.equal((await call(rig, 'GET /stream')).status, 503)
    }
    assert.equal((await call(last, 'GET /stream')).status, 503)
    await streams[0]?.close()
    await openOne(last)
    for (const one of streams) await one.close()
  })

  test('of a reader that takes nothing for half a minute is cut', async () => {
    const { ports, token } = await setup()
    const timers = new Map<() => void, number>()
    const clock = {
      ...ports.clock,
      after(ms: number, work: () => void) {
        timers.set(work, ms)
        return () => void timers.delete(work)
      },
    }
    let cut = 0
    const changeLog = new ChangeLog({ clock: systemClock, ids: ports.ids })
    const table = withChangeLog(ports.table, changeLog)
    const app = createApp(
      { ...ports, table, clock, downloads: ports.blobs },
      { changes: loggedChanges(table, changeLog), cut: () => void cut++ },
    )
    const rig = { ports: { ...ports, table }, app, token }
    const stream = await open(rig)
    await stream.next()
    assert.deepEqual([...timers.values()], [30_000])
    const next = stream.next()
    await send(rig)
    await next
    // The event after the one that was taken has its own half minute.
    assert.deepEqual([...timers.values()], [30_000])
    for (const work of timers.keys()) work()
    assert.equal(cut, 1)
    await stream.close()
    assert.equal(timers.size, 0)
  })

  test('needs a key', async () => {
    const { app } = await setup()
    assert.equal((await app.request('/stream')).status, 401)
  })
})
