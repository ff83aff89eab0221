import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { temporaryFolder } from '@kabutar/testing/temporary-folder.ts'
import { openEngine } from '../sqlite/engine.ts'
import { DataFolderError, lockFolder, sharingWarning } from './data-folder.ts'

const IN_USE = /^the data folder .* is in use by another process; stop that one, or name another folder$/

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

describe('a data folder', () => {
  const folder = temporaryFolder()
  const file = join(folder, 'file')
  writeFileSync(file, '')
  const cases: readonly { name: string; path: string; message: RegExp }[] = [
    { name: 'a file', path: file, message: /is no folder; name a folder/ },
    { name: 'under a file', path: join(file, 'a/b'), message: /lies under a file; name a folder/ },
    { name: 'in /proc', path: '/proc/kabutar/data', message: /can't be created \(.*\); name a folder/ },
  ]
  for (const { name, path, message } of cases) {
    test(`that is ${name} is refused in one line`, () => {
      assert.throws(
        () => openEngine(path),
        (error: unknown) => {
          assert.ok(error instanceof DataFolderError)
          assert.match(error.message, message)
          assert.doesNotMatch(error.message, /\n/)
          return true
        },
      )
    })
  }

  test('that others share keeps its mode, and what is in it is private', () => {
    const shared = join(folder, 'shared')
    mkdirSync(shared)
    chmodSync(shared, 0o1777)
    openEngine(shared).close()
    const modes = ['', 'kabutar.db', 'lock'].map((name) => statSync(join(shared, name)).mode & 0o7777)
    assert.deepEqual(modes, [0o1777, 0o600, 0o600])
    assert.match(sharingWarning(shared) ?? '', /\(mode 1777\) .* chmod o-w$/)
    chmodSync(shared, 0o2775)
    assert.equal(sharingWarning(shared), undefined)
  })

  test('that is created is private, and so are the folders above it', () => {
    openEngine(join(folder, 'new/data')).close()
    for (const name of ['new', 'new/data']) assert.equal(statSync(join(folder, name)).mode & 0o777, 0o700)
  })

  test('with the database of another user is refused', { skip: process.getuid?.() !== 0 && 'needs root' }, () => {
    const theirs = join(folder, 'theirs')
    openEngine(theirs).close()
    chownSync(join(theirs, 'kabutar.db'), 1234, 1234)
    assert.throws(() => openEngine(theirs), {
      message: /belongs to user 1234, and this process runs as user 0; run it/,
    })
  })

  test('with a database that is none is refused', () => {
    const broken = join(folder, 'broken')
    openEngine(broken).close()
    writeFileSync(join(broken, 'kabutar.db'), 'x'.repeat(8192))
    assert.throws(() => openEngine(broken), { message: /^the database .* can't be opened \(file is not a database\)/ })
    assert.throws(() => openEngine(broken), { message: /can't be opened/ }, 'the lock is released')
  })
})
