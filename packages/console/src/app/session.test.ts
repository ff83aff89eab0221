import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Api, ApiError } from '../api/client.ts'
import { createSession } from './session.ts'

function rig(permission = 'full_access') {
  const kept = new Map<string, string>()
  const clock = { now: 0 }
  const asked: string[] = []
  const refusal: { next?: ApiError } = {}
  const answer = (what: string) => async () => {
    asked.push(what)
    if (refusal.next) throw refusal.next
    return { mode: 'loopback', permission }
  }
  const api = { get: answer('get'), post: answer('post'), delete: answer('delete') } as unknown as Api
  const storage = {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => void kept.set(name, value),
    removeItem: (name: string) => void kept.delete(name),
  }
  const session = createSession(storage, () => clock.now)
  return { session, api, asked, clock, refusal, kept }
}

test('a tab without a key asks for a cookie, one with a key uses it', async () => {
  const { session, api, asked } = rig()
  await session.open(api)
  await session.signIn(api, 're_x')
  assert.deepEqual(asked, ['post', 'get'])
  assert.equal(session.state.value.name, 'open')
})

test('a server that was started again is asked for another cookie, unless the last one was forgotten at once', async () => {
  const { session, api, clock } = rig()
  await session.open(api)
  clock.now = 60_000
  session.expire()
  assert.equal(session.state.value.name, 'opening')
  await session.open(api)
  clock.now = 60_100
  session.expire()
  assert.equal(session.state.value.name, 'signed-out')
})

test('a refused key is forgotten, and one that the server could not judge is kept', async () => {
  const { session, api, refusal, kept } = rig()
  refusal.next = new ApiError(503, 'service_unavailable', 'busy')
  await session.signIn(api, 're_x')
  assert.deepEqual([session.state.value.name, kept.size], ['unreachable', 1])
  refusal.next = new ApiError(403, 'invalid_api_key', 'no')
  await session.open(api)
  assert.deepEqual(
    [session.state.value, kept.size],
    [{ name: 'signed-out', refusal: { why: 'server', message: 'no' } }, 0],
  )
})

test('a key that may only send is refused and forgotten', async () => {
  const { session, api, kept } = rig('sending_access')
  await session.signIn(api, 're_x')
  assert.deepEqual([session.state.value, kept.size], [{ name: 'signed-out', refusal: { why: 'sending-key' } }, 0])
})

test('a key that was deleted signs the reader out', async () => {
  const { session, api, clock } = rig()
  await session.signIn(api, 're_x')
  clock.now = 60_000
  session.expire()
  assert.equal(session.state.value.name, 'signed-out')
})
