import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { testPorts } from '@kabutar/testing/sending-rig.ts'
import type { Log } from '../ports/log.ts'
import { pauseOf } from '../sending/pauses.ts'
import { accountPauseKey } from '../store/keys.ts'
import { countMails, recentCounts, resumeAccount } from './reputation.ts'

const DAY_MS = 86_400_000
const NONE = { sent: 0, bounced: 0, complained: 0 }

async function rig() {
  const errors: string[] = []
  const note = (message: string) => errors.push(message)
  const log: Log = { debug() {}, info() {}, warn() {}, error: note }
  const ports = { ...(await testPorts()), log }
  const isPaused = async () => (await ports.table.get(accountPauseKey('a'))) !== undefined
  return { ports, errors, isPaused }
}

describe('an account pauses itself', () => {
  const cases = [
    { name: '5 % of 1,000 bounced', sent: 1000, bounced: 50, complained: 0, paused: false },
    { name: 'more than 5 % of 1,000 bounced', sent: 1000, bounced: 51, complained: 0, paused: true },
    { name: '51 of 999 bounced', sent: 960, bounced: 960, complained: 0, paused: false },
    { name: 'one complaint of 1,000', sent: 1000, bounced: 0, complained: 1, paused: false },
    { name: 'two complaints of 1,000', sent: 1000, bounced: 0, complained: 2, paused: true },
    { name: 'two complaints of 2,000', sent: 2000, bounced: 0, complained: 2, paused: false },
  ]
  for (const { name, sent, bounced, complained, paused } of cases) {
    test(`${name}: ${paused}`, async () => {
      const { ports, errors, isPaused } = await rig()
      await countMails(ports, 'a', { ...NONE, sent })
      for (let n = 0; n < bounced; n++) await countMails(ports, 'a', { ...NONE, bounced: 1 })
      for (let n = 0; n < complained; n++) await countMails(ports, 'a', { ...NONE, complained: 1 })
      assert.equal(await isPaused(), paused)
      assert.equal(errors.length, paused ? 1 : 0, 'logged once')
    })
  }

  test('the newest days that hold 1,000 mails decide', async () => {
    const { ports, isPaused } = await rig()
    const count = async (sent: number, bounced: number) => {
      await countMails(ports, 'a', { ...NONE, sent })
      await countMails(ports, 'a', { ...NONE, bounced })
      ports.clock.advance(DAY_MS)
    }
    await count(100_000, 1000)
    await count(1000, 10)
    assert.deepEqual(await recentCounts(ports, 'a'), { sent: 1000, bounced: 10, complained: 0 })
    await count(500, 40)
    assert.deepEqual(await recentCounts(ports, 'a'), { sent: 1500, bounced: 50, complained: 0 })
    assert.equal(await isPaused(), false)
    await count(500, 40)
    assert.equal(await isPaused(), true, '80 of 1,000, and 100,000 good ones are too long ago')
  })

  test('days are forgotten after a month', async () => {
    const { ports } = await rig()
    await countMails(ports, 'a', { ...NONE, sent: 5000 })
    ports.clock.advance(33 * DAY_MS)
    assert.deepEqual(await recentCounts(ports, 'a'), { sent: 0, bounced: 0, complained: 0 })
  })

  test('an account that is resumed begins with no counts', async () => {
    const { ports, isPaused } = await rig()
    assert.equal(await resumeAccount(ports, 'a'), false)
    await countMails(ports, 'a', { ...NONE, sent: 1000 })
    await countMails(ports, 'a', { ...NONE, bounced: 100 })
    assert.equal(await resumeAccount(ports, 'a'), true)
    await countMails(ports, 'a', { ...NONE, bounced: 1 })
    assert.equal(await isPaused(), false)
    assert.deepEqual(await recentCounts(ports, 'a'), { sent: 0, bounced: 1, complained: 0 })
  })
})

test('each mail is counted', async () => {
  const ports = await testPorts()
  for (let n = 0; n < 20; n++) await countMails(ports, 'a', { ...NONE, sent: 1 })
  assert.equal((await recentCounts(ports, 'a')).sent, 20)
})

test('a pause and its end are seen at once in the process that wrote them', async () => {
  const ports = await testPorts()
  assert.equal(await pauseOf(ports, 'a'), undefined)
  await countMails(ports, 'a', { ...NONE, sent: 1000 })
  await countMails(ports, 'a', { ...NONE, bounced: 100 })
  assert.equal((await pauseOf(ports, 'a'))?.reason, 'account_paused')
  assert.equal(await resumeAccount(ports, 'a'), true)
  assert.equal(await pauseOf(ports, 'a'), undefined)
})
