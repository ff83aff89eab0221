import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { openEngine } from '@kabutar/local/sqlite/engine.ts'
import { sqliteQueue } from '@kabutar/local/sqlite/queue.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { temporaryFolder } from '@kabutar/testing/temporary-folder.ts'
import { startServer } from '../../../test/flows/support/server.ts'

const run = promisify(execFile)
const cli = async (data: string, ...args: readonly string[]) =>
  (await run(process.execPath, [join(import.meta.dirname, 'redrive.ts'), ...args, '--data', data])).stdout

/** Leaves dead letters of the queue in the folder. */
async function bury(data: string, queue: string, bodies: readonly string[]): Promise<void> {
  const engine = openEngine(data)
  await sqliteQueue(engine, `${queue}:dlq`, systemClock, { maxAttempts: 5 }).send(bodies.map((body) => ({ body })))
  engine.close()
}

async function depthOf(data: string, queue: string): Promise<number> {
  const engine = openEngine(data)
  const { ready, leased, delayed } = await sqliteQueue(engine, queue, systemClock, { maxAttempts: 5 }).depth()
  engine.close()
  return ready + leased + delayed
}

test('npm run redrive opens the folder itself when no server runs on it', async () => {
  const data = temporaryFolder()
  await bury(data, 'receive', ['one', 'two'])
  await bury(data, 'send', ['three'])
  const listed = (await cli(data, 'list')).trim().split('\n')
  assert.deepEqual(
    listed.map((line) => line.split('  ')[1]),
    ['receive', 'receive', 'send'],
  )
  const [first = '', , third = ''] = listed.map((line) => line.split('  ')[0] ?? '')
  assert.equal(JSON.parse(await cli(data, 'show', first)).entry, 'one')
  assert.match(await cli(data, 'drop', third), /is deleted/)
  await assert.rejects(cli(data, 'show', third), /Dead letter not found/)
  assert.equal(await cli(data, first), '1 entries moved\n')
  assert.equal(await cli(data, '--queue', 'send'), '0 entries moved\n')
  assert.equal(await cli(data), '1 entries moved\n')
  assert.deepEqual([await depthOf(data, 'receive'), await depthOf(data, 'receive:dlq')], [2, 0])
})

test('it asks the running server, which has named its dead letters at the start', async () => {
  const data = temporaryFolder()
  await bury(data, 'send', ['{"v":1,"kind":"send","accountId":"x","id":"gone","attempt":1}', 'nonsense'])
  await using server = await startServer({ dataFolder: data })
  assert.match(
    server.stderr.join('\n'),
    /"level":"error","message":"queue entries failed for good and are dead letters","entries":2/,
  )
  assert.throws(() => openEngine(data), /in use/)
  const [first = '', second = ''] = (await cli(data, 'list')).match(/^\d+/gm) ?? []
  assert.match(await cli(data, 'show', first), /"entry": ".*gone/)
  assert.match(await cli(data, 'drop', second), /is deleted/)
  assert.equal(await cli(data), '1 entries moved\n')
  // A killed server leaves its address, where nobody answers.
  await server.kill()
  assert.equal(await cli(data), '0 entries moved\n')
  assert.equal(await depthOf(data, 'send:dlq'), 0)
})
