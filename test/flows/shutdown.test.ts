/** The server process drains and exits 0 on SIGTERM, whatever its disk takes. */
import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { startServer } from './support/server.ts'

const onlyEmbedded = { skip: process.env.KABUTAR_FLOW === 'aws' && 'the single process only' }

test('a file that cannot be removed does not keep the server from draining', onlyEmbedded, async () => {
  await using server = await startServer()
  const file = join(server.dataFolder, 'operator.json')
  // A folder with a file in it can be removed as little as any file on a read-only disk.
  rmSync(file)
  mkdirSync(file)
  writeFileSync(join(file, 'x'), '')
  assert.equal(await server.stop(), 0)
  assert.match(server.stderr.join('\n'), /a step of the shutdown failed/)
})
