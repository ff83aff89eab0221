import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const REQUIREMENTS = join(import.meta.dirname, 'requirements.txt')
const VENV = resolve(import.meta.dirname, '../../../.cache/aws/moto')
const STAMP = join(VENV, 'installed.txt')
const MINUTES = 60_000
const START_MS = 30_000

/** moto, an independent emulator of AWS, in memory. */
type Moto = { readonly endpoint: string; close(): Promise<void> }

/** @throws {Error} if Python 3 with venv is missing, or the packages cannot be installed */
export async function startMoto(): Promise<Moto> {
  install()
  const port = await freePort()
  const endpoint = `http://127.0.0.1:${port}`
  const child = spawn(join(VENV, 'bin/moto_server'), ['-H', '127.0.0.1', '-p', String(port)], {
    stdio: 'ignore',
    env: { PATH: process.env.PATH, AWS_DEFAULT_REGION: 'us-east-1' },
  })
  const orphan = () => child.kill('SIGKILL')
  process.once('exit', orphan)
  await healthy(child, endpoint)
  return {
    endpoint,
    async close() {
      process.off('exit', orphan)
      const closed = once(child, 'close')
      child.kill('SIGKILL')
      await closed
    },
  }
}

/** Installs moto into a virtual environment, once for each list of requirements. */
function install(): void {
  const wanted = readFileSync(REQUIREMENTS, 'utf8')
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === wanted) return
  rmSync(VENV, { recursive: true, force: true })
  const run = (file: string, ...args: string[]) =>
    execFileSync(file, args, { stdio: ['ignore', 'ignore', 'inherit'], timeout: 10 * MINUTES })
  run('python3', '-m', 'venv', VENV)
  run(join(VENV, 'bin/pip'), 'install', '--quiet', '--disable-pip-version-check', '--requirement', REQUIREMENTS)
  writeFileSync(STAMP, wanted)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const closed = once(server, 'close')
  server.close()
  await closed
  return address !== null && typeof address === 'object' ? address.port : 0
}

async function healthy(child: ChildProcess, endpoint: string): Promise<void> {
  for (const end = Date.now() + START_MS; Date.now() < end; await sleep(100)) {
    if (child.exitCode !== null) throw new Error(`moto ended with ${child.exitCode}`)
    const answer = await fetch(`${endpoint}/moto-api/`, { signal: AbortSignal.timeout(2000) }).catch(() => undefined)
    if (answer?.ok) return
  }
  throw new Error('moto does not answer')
}
