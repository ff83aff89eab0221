import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setup } from '@kabutar/testing/http-rig.ts'
import { createApp } from './app.ts'
import { WrongKeys } from './wrong-keys.ts'

test('wrong keys of one address are slowed, those of others are not, and a minute later all is forgotten', async () => {
  let now = 0
  const slept: number[] = []
  const keys = new WrongKeys({
    monotonic: () => now,
    sleep: async (ms) => {
      slept.push(ms)
    },
  })
  for (let n = 0; n < 100; n++) await keys.slow('192.0.2.1')
  assert.deepEqual([slept.length, slept[0], slept[1], slept.at(-1)], [80, 100, 200, 5000])
  await keys.slow('192.0.2.2')
  await keys.slow('::ffff:192.0.2.3')
  await keys.slow(undefined)
  now = 60_001
  await keys.slow('192.0.2.1')
  assert.equal(slept.length, 80)
})

test('the addresses of an IPv6 /64 are one client', async () => {
  const slept: number[] = []
  const keys = new WrongKeys({ monotonic: () => 0, sleep: async (ms) => void slept.push(ms) })
  for (let n = 0; n < 30; n++) await keys.slow(`2001:db8::${n}`)
  await keys.slow('2001:db8:0:1::1')
  assert.equal(slept.length, 10)
})

test('a right key of the same address never waits', async () => {
  const rig = await setup()
  const waits: number[] = []
  const clock = { ...rig.ports.clock, sleep: async (ms: number) => void waits.push(ms) }
  const ports = { ...rig.ports, clock, downloads: rig.ports.blobs }
  const app = createApp(ports, { addressOf: () => '192.0.2.1' })
  const ask = (token: string) => app.request('/emails', { headers: { Authorization: `Bearer ${token}` } })
  for (let n = 0; n < 30; n++) assert.equal((await ask(`re_${n}`)).status, 403)
  assert.equal(waits.length, 10)
  assert.equal((await ask(rig.token)).status, 200)
  assert.equal(waits.length, 10)
})
