/**
 * Starts the real server for a flow test, in its own process group and data folder. With `KABUTAR_FLOW=aws` it is the AWS
 * composition instead (see test/aws/platform.ts), which the same tests check.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { bringMail, publishIn } from './outside.ts'
import type { Server, ServerOptions } from './server-type.ts'

export type { Server, ServerOptions } from './server-type.ts'

/** For tests alone. */
const API_KEY = 're_dGVzdC1vbmx5LWtleS10ZXN0LW9ubHkta2V5LXRlc3Q'
const ENTRY = join(import.meta.dirname, '../../../packages/server/src/local.ts')
const START_MS = 20_000
const STOP_MS = 15_000

type Process = {
  readonly child: ChildProcess
  readonly stdout: readonly string[]
  readonly stderr: readonly string[]
  readonly url: string
  readonly smtpPort: number | undefined
}

/** @throws {Error} with the output of the process, if it ends or is not healthy within 20 s */
export async function startServer(options: ServerOptions = {}): Promise<Server> {
  const { apiKey = API_KEY } = options
  if (process.env.KABUTAR_FLOW === 'aws') {
    const { startAwsServer } = await import('../../aws/flow-server.ts')
    return startAwsServer({ ...options, apiKey })
  }
  const dataFolder = options.dataFolder ?? mkdtempSync(join(tmpdir(), 'kabutar-flow-'))
  let env: Record<string, string> = {
    KABUTAR_DATA: dataFolder,
    KABUTAR_HTTP: '127.0.0.1:0',
    KABUTAR_SMTP: '127.0.0.1:0',
    KABUTAR_API_KEY: apiKey,
    KABUTAR_ALLOW_PRIVATE: 'on',
    ...(options.dns && { KABUTAR_DNS: options.dns.address }),
    ...options.env,
  }
  const entry = options.entry ?? ENTRY
  let running = await run(entry, env)
  const close = async () => {
    await kill(running.child)
    if (options.dataFolder === undefined) rmSync(dataFolder, { recursive: true, force: true })
  }
  return {
    platform: 'embedded',
    get url() {
      return running.url
    },
    get smtpPort() {
      return running.smtpPort
    },
    get pid() {
      return running.child.pid ?? 0
    },
    get stdout() {
      return running.stdout
    },
    get stderr() {
      return running.stderr
    },
    apiKey,
    dataFolder,
    operator: { args: ['--data', dataFolder], env: {} },
    receive: (raw, recipients) => bringMail(running.smtpPort ?? 0, raw, recipients),
    publish: async (records) => publishIn(options.dns, records),
    stop: () => stop(running.child),
    kill: () => kill(running.child),
    async restart(more = {}) {
      await kill(running.child)
      const { smtpPort, url } = running
      const smtp = smtpPort === undefined ? {} : { KABUTAR_SMTP: `127.0.0.1:${smtpPort}` }
      env = { ...env, KABUTAR_HTTP: new URL(url).host, ...smtp, ...more }
      running = await run(entry, env)
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

async function run(entry: string, env: Readonly<Record<string, string>>): Promise<Process> {
  const { PATH, NODE_COMPILE_CACHE } = process.env
  const child = spawn(process.execPath, [entry], {
    // The settings of the shell that runs the tests must not reach the server.
    env: { PATH, NODE_COMPILE_CACHE, TZ: 'UTC', ...env },
    // Without the .env of whoever runs the tests.
    cwd: tmpdir(),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const stdout = linesOf(child, 'stdout')
  const stderr = linesOf(child, 'stderr')
  const orphan = () => killGroup(child)
  process.once('exit', orphan)
  child.once('exit', () => process.off('exit', orphan))
  try {
    const url = await healthy(child, stdout)
    const smtp = stdout.map((line) => /\bSMTP (?:on )?\S+:(\d+)/.exec(line)?.[1]).find((port) => port !== undefined)
    return { child, stdout, stderr, url, smtpPort: smtp === undefined ? undefined : Number(smtp) }
  } catch (cause) {
    await kill(child)
    throw new Error(`the server does not start: ${[...stdout, ...stderr].join('\n')}`, { cause })
  }
}

function linesOf(child: ChildProcess, stream: 'stdout' | 'stderr'): readonly string[] {
  const lines: string[] = []
  const source = child[stream]
  if (source) createInterface({ input: source }).on('line', (line) => lines.push(line))
  return lines
}

/** Answers the address that the process printed, once GET /health answers 200: then every listener is up. */
async function healthy(child: ChildProcess, stdout: readonly string[]): Promise<string> {
  for (const end = Date.now() + START_MS; Date.now() < end; await sleep(20)) {
    if (hasEnded(child)) throw new Error(`it ended with ${child.exitCode ?? child.signalCode}`)
    const url = stdout.map((line) => /^Kabutar listens on (http:\S+)$/.exec(line)?.[1]).find((found) => found)
    if (url && (await answers(url))) return url
  }
  throw new Error(`it is not healthy after ${START_MS} ms`)
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/health`, { signal: AbortSignal.timeout(2000) })).status === 200
  } catch {
    return false
  }
}

const hasEnded = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null

async function stop(child: ChildProcess): Promise<number | null> {
  if (hasEnded(child)) return child.exitCode
  child.kill('SIGTERM')
  const late = setTimeout(() => killGroup(child), STOP_MS)
  await once(child, 'close')
  clearTimeout(late)
  return child.exitCode
}

async function kill(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return
  const closed = once(child, 'close')
  killGroup(child)
  await closed
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || hasEnded(child)) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // The process has ended by itself.
  }
}
