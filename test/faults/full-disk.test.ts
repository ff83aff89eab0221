/**
 * The server runs on a disk of its own that is filled and then made read-only. Reading goes on, also with a key that was
 * never used before, and SIGTERM drains. Only root may mount the disk.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '@kabutar/testing/temporary-folder.ts'
import { type Server, startServer } from '../flows/support/server.ts'

const skip = process.getuid?.() !== 0 && 'only root may mount a disk'
const BYTES = 24 * 1024 * 1024

async function onSmallDisk(work: (server: Server) => Promise<void>): Promise<void> {
  const dataFolder = temporaryFolder()
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${BYTES},mode=0700`, 'tmpfs', dataFolder])
  try {
    await using server = await startServer({ dataFolder })
    await work(server)
  } finally {
    execFileSync('umount', [dataFolder])
  }
}

async function request(server: Server, path: string, key: string, body?: object) {
  const headers = { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' }
  const post = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
  const answer = await fetch(server.url + path, { headers, ...post })
  return { status: answer.status, body: (await answer.json()) as { readonly token: string } }
}

/** Writes until nothing more fits. */
function fill(folder: string): string {
  const file = join(folder, 'filler')
  const block = Buffer.alloc(64 * 1024)
  for (let size = block.length; size >= 1; size = Math.floor(size / 2)) {
    try {
      for (;;) writeFileSync(file, block.subarray(0, size), { flag: 'a' })
    } catch {
      // No block of this size fits any more.
    }
  }
  return file
}

test('a full disk refuses mail, and lets everything be read', { skip }, async () => {
  await onSmallDisk(async (server) => {
    const { body } = await request(server, '/api-keys', server.apiKey, { name: 'fresh' })
    const filler = fill(server.dataFolder)
    const mail = { from: 'a@kabutar.test', to: 'b@kabutar.test', subject: 's', text: 'x'.repeat(50_000) }
    assert.equal((await request(server, '/emails', server.apiKey, mail)).status, 503)
    assert.equal((await request(server, '/emails', body.token)).status, 200)
    assert.equal(await server.stop(), 0)
    rmSync(filler)
    await server.restart()
    assert.equal((await request(server, '/emails', body.token, mail)).status, 200)
  })
})
