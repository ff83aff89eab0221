import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '@kabutar/testing/temporary-folder.ts'
import { lockFolder } from './lock.ts'

const IN_USE = /^the data folder .* is in use by another process$/

test('a folder has one owner at a time in this process', () => {
  const folder = temporaryFolder()
  const release = lockFolder(folder)
  assert.throws(() => lockFolder(folder), { message: IN_USE })
  release()
  release()
  lockFolder(folder)()
})

test('another process that holds the folder keeps us out until it dies, however it dies', async () => {
  const folder = temporaryFolder()
  const script = `import { lockFolder } from ${JSON.stringify(join(import.meta.dirname, 'lock.ts'))}
    lockFolder(${JSON.stringify(folder)}); gc(); console.log('held'); setInterval(() => {}, 1000)`
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
  lockFolder(folder)()
})
