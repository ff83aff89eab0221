import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiError } from '../api/client.ts'
import type { Named } from '../api/messages.ts'
import { deleteAll, findAll } from './delete-many.ts'
import { EVERYTHING } from './filter.ts'

const messages = (count: number): Named[] =>
  Array.from({ length: count }, (_, n) => ({ direction: n % 2 === 0 ? 'sent' : 'received', id: String(n) }))
const never = new AbortController().signal

/** An API whose deletions end when they are let, and are refused as `refusal` says. */
function rig(refusal: (path: string) => ApiError | undefined = () => undefined) {
  const asked: string[] = []
  const most = { atOnce: 0 }
  let open = 0
  const remove = async (path: string) => {
    asked.push(path)
    most.atOnce = Math.max(most.atOnce, ++open)
    await new Promise(setImmediate)
    open--
    const error = refusal(path)
    if (error) throw error
  }
  return { api: { delete: remove as <T>(path: string) => Promise<T> }, asked, most }
}

test('all that a filter shows are found, over pages on which nothing matches', async () => {
  const pages = [
    { data: messages(3), next: 'a' },
    { data: [], next: 'b' },
    { data: messages(1), next: null },
  ]
  const asked: unknown[] = []
  const counted: number[] = []
  const get = async (_path: string, query: object = {}) => {
    asked.push(query)
    return pages[asked.length - 1]
  }
  const api = { get: get as <T>() => Promise<T> }
  const found = await findAll(api, { ...EVERYTHING, chip: 'received' }, never, (count) => counted.push(count))
  assert.deepEqual([found.length, counted], [4, [3, 3, 4]])
  assert.deepEqual(
    asked.map((query) => [(query as { direction: string }).direction, (query as { after?: string }).after]),
    [
      ['received', undefined],
      ['received', 'a'],
      ['received', 'b'],
    ],
  )
})

test('messages are deleted four at a time, each by its own path', async () => {
  const { api, asked, most } = rig()
  const steps: number[] = []
  const { deleted, failed } = await deleteAll(api, messages(11), never, (done) => steps.push(done.deleted.size))
  assert.deepEqual([deleted.size, failed, most.atOnce, steps.at(-1)], [11, 0, 4, 11])
  assert.deepEqual(asked.slice(0, 2), ['/emails/0', '/emails/receiving/1'])
})

test('one that is gone counts as deleted, and one that is refused stays', async () => {
  const { api } = rig((path) => {
    if (path.endsWith('/1')) return new ApiError(404, 'not_found', 'gone')
    return path.endsWith('/2') ? new ApiError(409, 'conflict', 'still being sent') : undefined
  })
  const end = await deleteAll(api, messages(5), never, () => {})
  assert.deepEqual(
    [[...end.deleted].toSorted(), end.failed, end.error?.message],
    [['0', '1', '3', '4'], 1, 'still being sent'],
  )
})

test('nothing more is deleted once it is stopped, or the server fails each time', async () => {
  const stopped = new AbortController()
  const first = rig()
  const end = await deleteAll(first.api, messages(100), stopped.signal, () => stopped.abort())
  assert.ok(end.deleted.size <= 4)
  assert.equal(first.asked.length, end.deleted.size)
  const busy = rig(() => new ApiError(409, 'conflict', 'still being sent'))
  assert.equal((await deleteAll(busy.api, messages(100), never, () => {})).failed, 100)
  const broken = rig(() => new ApiError(0, 'unreachable', 'The server cannot be reached.'))
  const { failed } = await deleteAll(broken.api, messages(100), never, () => {})
  assert.ok(failed >= 8 && failed < 12, `${failed}`)
})
