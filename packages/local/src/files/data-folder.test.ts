import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '@kabutar/testing/temporary-folder.ts'
import { openEngine } from '../sqlite/engine.ts'
import { lockFolder } from './data-folder.ts'

const IN_USE = /^the data folder .* is in use by another process$/

test('a folder has one owner at a time in this process', () => {
  const folder = temporaryFolder()
  const lock = lockFolder(folder)
  assert.throws(() => lockFolder(folder), { message: IN_USE })
  lock.release()
  lock.release()
  lockFolder(folder).release()
})

test('an engine locks its folder until it is closed', () => {
  const folder = temporaryFolder()
  const engine = openEngine(folder)
  assert.throws(() => openEngine(folder), { message: IN_USE })
  engine.close()
  engine.close()
  openEngine(folder).close()
})

test('another process that uses the folder locks us out until it dies, however it dies', async () => {
  const folder = temporaryFolder()
  const script = `import { openEngine } from ${JSON.stringify(join(import.meta.dirname, '../sqlite/engine.ts'))}
    const engine = openEngine(${JSON.stringify(folder)})
    gc(); console.log('locked'); setInterval(() => engine.nextNumber(), 1000)`
  const owner = spawn(process.execPath, ['--expose-gc', '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    await once(owner.stdout, 'data')
    assert.throws(() => lockFolder(folder), { message: IN_USE })
  } finally {
    owner.kill('SIGKILL')
    await once(owner, 'exit')
  }
  lockFolder(folder).release()
})
