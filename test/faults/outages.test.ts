/**
 * The real process takes honest mail by SMTP and HTTP while its disk, its blobs, its descriptors or its time of day fail, and
 * is killed meanwhile. Afterwards everything that was answered 250 or 200 is received, sent and told. AWAY_SECONDS=200 makes
 * each outage as long.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { temporaryFolder } from '@kabutar/testing/temporary-folder.ts'
import { type Server, startServer } from '../flows/support/server.ts'
import { honestLoad, startEndpoint } from './hostile/honest.ts'
import { openLedger } from './hostile/ledger.ts'

const AWAY_MS = Number(process.env.AWAY_SECONDS ?? 4) * 1000
const PER_SECOND = 20
const BEFORE_MS = 1500
/** Work comes back after as long as it has waited; the sweep queues a message whose entry was lost within two minutes. */
const SETTLE_MS = 180_000 + 2 * AWAY_MS
const DAY_MS = 86_400_000
const TMPFS_BYTES = 96 * 1024 * 1024

type Outage = {
  readonly name: string
  /** A file system of its own for the data folder. */
  readonly disk?: 'tmpfs' | 'ext4'
  readonly env?: (folder: string) => Readonly<Record<string, string>>
  /** Breaks something, and mends it after `AWAY_MS`. `folder` has the data folder, and room for files beside it. */
  readonly happen: (server: Server, folder: string) => Promise<void>
}

const isRoot = process.getuid?.() === 0
const run = (command: string, ...args: readonly string[]) => execFileSync(command, args, { stdio: 'pipe' })

/** Moves the blobs away, and back between those that were written meanwhile. */
async function withoutBlobs({ dataFolder }: Server, folder: string, meanwhile: () => Promise<void>): Promise<void> {
  const [blobs, later] = [join(dataFolder, 'blobs'), join(folder, 'later')]
  renameSync(blobs, later)
  await meanwhile()
  mkdirSync(blobs, { recursive: true })
  for (const name of readdirSync(later)) {
    mkdirSync(join(blobs, name), { recursive: true })
    for (const file of readdirSync(join(later, name))) renameSync(join(later, name, file), join(blobs, name, file))
  }
}

/** Writes until nothing more fits. */
function fill(file: string): void {
  try {
    for (let bytes = 1024 * 1024; ; ) {
      try {
        appendFileSync(file, Buffer.alloc(bytes))
      } catch (error) {
        if (bytes === 1) throw error
        bytes = Math.floor(bytes / 4)
      }
    }
  } catch {
    // Not an octet fits any more.
  }
}

/** Keeps the disk full for `AWAY_MS`, with a little room every second time that it looks. */
async function fullDisk({ dataFolder }: Server, meanwhile: () => Promise<void>): Promise<void> {
  const filler = join(dataFolder, 'filler')
  for (const end = Date.now() + AWAY_MS; Date.now() < end; await sleep(400)) {
    fill(filler)
    await sleep(400)
    truncateSync(filler, statSync(filler).size - 200_000)
  }
  fill(filler)
  await meanwhile()
  rmSync(filler)
}

async function readOnlyDisk(server: Server, folder: string): Promise<void> {
  const device = run('findmnt', '-no', 'SOURCE', server.dataFolder).toString().trim()
  writeFileSync(`/sys/fs/ext4/${device.slice('/dev/'.length)}/trigger_fs_error`, '1')
  await sleep(AWAY_MS)
  assert.match(run('findmnt', '-no', 'OPTIONS', server.dataFolder).toString(), /\b(emergency_)?ro\b/)
  assert.equal(await server.stop(), 0)
  run('umount', server.dataFolder)
  try {
    run('e2fsck', '-fy', join(folder, 'image'))
  } catch {
    // It exits 1 when it has mended something.
  }
  run('mount', '-o', 'loop', join(folder, 'image'), server.dataFolder)
  await server.restart()
}

async function fewDescriptors({ pid }: Server): Promise<void> {
  const limit = (count: number) => run('prlimit', `--pid=${pid}`, `--nofile=${count}:1024`)
  limit(readdirSync(`/proc/${pid}/fd`).length)
  await sleep(AWAY_MS)
  limit(1024)
}

async function jumpingClock({ pid }: Server, folder: string): Promise<void> {
  for (const aheadMs of [-DAY_MS, DAY_MS, 0]) {
    writeFileSync(join(folder, 'clock'), `${aheadMs}`)
    process.kill(pid, 'SIGUSR2')
    await sleep(AWAY_MS / 2)
  }
}

const OUTAGES: readonly Outage[] = [
  { name: 'blobs that are away', happen: (server, folder) => withoutBlobs(server, folder, () => sleep(AWAY_MS)) },
  {
    name: 'a kill, and a start without the blobs',
    async happen(server, folder) {
      await server.kill()
      await withoutBlobs(server, folder, async () => {
        await server.restart()
        await sleep(AWAY_MS)
        await server.kill()
      })
      await server.restart()
    },
  },
  { name: 'a disk that is full by turns', disk: 'tmpfs', happen: (server) => fullDisk(server, async () => undefined) },
  {
    name: 'a kill on a full disk',
    disk: 'tmpfs',
    async happen(server) {
      await fullDisk(server, () => server.kill())
      await server.restart()
    },
  },
  { name: 'a disk that becomes read-only, and SIGTERM', disk: 'ext4', happen: readOnlyDisk },
  { name: 'descriptors that run out', happen: fewDescriptors },
  {
    name: 'a clock that goes back and ahead by a day',
    env: (folder) => ({
      CLOCK_FILE: join(folder, 'clock'),
      NODE_OPTIONS: `--import ${new URL('./clock-jumps.ts', import.meta.url).href}`,
    }),
    happen: jumpingClock,
  },
]

/** Mounts a small file system. Answers how it is unmounted. */
function mount(disk: 'tmpfs' | 'ext4', dataFolder: string, folder: string): () => void {
  if (disk === 'tmpfs') run('mount', '-t', 'tmpfs', '-o', `size=${TMPFS_BYTES},mode=0700`, 'tmpfs', dataFolder)
  else {
    const image = join(folder, 'image')
    run('truncate', '-s', '200M', image)
    run('mkfs.ext4', '-q', '-e', 'remount-ro', image)
    run('mount', '-o', 'loop', image, dataFolder)
    rmSync(join(dataFolder, 'lost+found'), { recursive: true })
  }
  return () => run('umount', dataFolder)
}

describe('nothing acknowledged is lost by', { concurrency: 3 }, () => {
  for (const { name, disk, env, happen } of OUTAGES) {
    const skip = disk !== undefined && !isRoot && 'only root may mount a disk'
    test(name, { skip, timeout: 300_000 + 4 * AWAY_MS }, async (t) => {
      const [folder, dataFolder] = [temporaryFolder(), temporaryFolder()]
      writeFileSync(join(folder, 'clock'), '0')
      const over = new AbortController()
      const unmount = disk === undefined ? () => undefined : mount(disk, dataFolder, folder)
      try {
        await using told = await startEndpoint()
        await using server = await startServer({ dataFolder, env: { KABUTAR_LOG: 'error', ...env?.(folder) } })
        await subscribe(server, told.url)
        const honest = honestLoad(server)
        const sending = honest.send(PER_SECOND, over.signal)
        await sleep(BEFORE_MS)
        await happen(server, folder)
        over.abort()
        await sending
        const ledger = openLedger(server, { ada: server.apiKey })
        const missing = await ledger.missing(honest, told, SETTLE_MS)
        t.diagnostic(`${name}: ${honest.sent.size} answered 200, ${honest.received.size} answered 250`)
        t.diagnostic(`tries refused: ${JSON.stringify(honest.refused)}, given up: ${honest.givenUp}`)
        assert.deepEqual(missing, { messages: [], webhooks: [] })
        assert.ok(honest.sent.size > 0 && honest.received.size > 0)
        assert.equal(await (await fetch(`${server.url}/health`)).text(), '{"status":"ok"}')
        assert.equal(await server.stop(), 0)
      } finally {
        over.abort()
        unmount()
      }
    })
  }
})

async function subscribe({ url, apiKey }: Server, endpoint: string): Promise<void> {
  const answer = await fetch(`${url}/webhooks`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${apiKey}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ endpoint, events: ['email.received', 'email.delivered'] }),
  })
  assert.equal(answer.status, 201)
}
