/** What the benchmarks share: a server in a process of its own, its CPU time, and load over kept connections. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const TICKS_PER_SECOND = 100

export type Peer = {
  readonly child: ChildProcess
  readonly port: number
  /** Of a line `token T` before the port, if there was one. */
  readonly token: string
  /** Of a line `smtp N` before the port, else 0. */
  readonly smtpPort: number
  stop(): Promise<void>
}
export type Load = {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  readonly cpuMicros: number
}

/** Starts a script that prints its port in a line `port N`, on core 0 where the machine lets us choose. */
export async function startPeer(script: string, args: readonly string[] = []): Promise<Peer> {
  const folder = mkdtempSync(join(tmpdir(), 'kabutar-bench-'))
  const node = [process.execPath, script, folder, ...args]
  const [command = '', ...rest] = onCore(0, node)
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
  return {
    child,
    ...(await announced(child)),
    async stop() {
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const CHOOSES = existsSync('/usr/bin/taskset')

/** The command so that it runs on that core alone, where the machine lets us choose. */
export function onCore(core: number, command: readonly string[]): readonly string[] {
  return CHOOSES ? ['taskset', '-c', `${core}`, ...command] : command
}

/** Likewise a process that runs, and what it will start. */
export function keepOnCore(core: number, pid: number): void {
  if (CHOOSES) execFileSync('taskset', ['-acp', `${core}`, `${pid}`])
}

async function announced(child: ChildProcess): Promise<Pick<Peer, 'port' | 'smtpPort' | 'token'>> {
  if (child.stdout === null) throw new Error('the peer has no output')
  let token = ''
  let smtpPort = 0
  for await (const line of createInterface({ input: child.stdout })) {
    token = /^token (\S+)$/.exec(line)?.[1] ?? token
    smtpPort = Number(/^smtp (\d+)$/.exec(line)?.[1] ?? smtpPort)
    const port = /^port (\d+)$/.exec(line)?.[1]
    if (port !== undefined) return { port: Number(port), smtpPort, token }
  }
  throw new Error('the peer ended before it listened')
}

/** User and system time of a process so far, in microseconds. */
export function cpuMicros(pid: number): number {
  const [utime = 0, stime = 0] = statOf(pid).slice(11, 13).map(Number)
  return ((utime + stime) * 1_000_000) / TICKS_PER_SECOND
}

/** Of a process and all that it started, those that have ended since included. */
export function cpuMicrosOfTree(pid: number): number {
  const times = statOf(pid).slice(11, 15).map(Number)
  const own = (times.reduce((sum, ticks) => sum + ticks, 0) * 1_000_000) / TICKS_PER_SECOND
  const children = procFile(pid, `task/${pid}/children`).split(' ').filter(Boolean).map(Number)
  return children.reduce((sum, child) => sum + cpuMicrosOfTree(child), own)
}

/** The fields of /proc/<pid>/stat behind the name: `state` is the first. None of a process that is gone. */
function statOf(pid: number): readonly string[] {
  const stat = procFile(pid, 'stat')
  return stat === '' ? [] : stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

function procFile(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8')
  } catch {
    return ''
  }
}

/** Resident bytes of a process now. */
export function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024
}

type HttpLoad = { readonly port: number; readonly path: string; readonly token: string; readonly body: string }

/** Posts `requests` times over `connections` kept connections. @throws {Error} if any answer is not 200 */
export async function postMany(peer: Peer, load: HttpLoad, requests: number, connections: number): Promise<Load> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const times: number[] = []
  let left = requests
  const cpu = cpuMicros(peer.child.pid ?? 0)
  const started = performance.now()
  const loop = async () => {
    while (left-- > 0) {
      const from = performance.now()
      await postOnce(agent, load)
      times.push(performance.now() - from)
    }
  }
  await Promise.all(Array.from({ length: connections }, loop))
  const seconds = (performance.now() - started) / 1000
  const used = cpuMicros(peer.child.pid ?? 0) - cpu
  agent.destroy()
  return { ...quantiles(times), perSecond: requests / seconds, cpuMicros: used / requests }
}

function postOnce(agent: Agent, { port, path, token, body }: HttpLoad): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = {
      Authorization: `Bearer ${token}`,
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
    }
    const outgoing = request({ agent, host: '127.0.0.1', port, path, method: 'POST', headers }, (answer) => {
      answer.resume()
      answer.once('end', () =>
        answer.statusCode === 200 ? resolve() : reject(new Error(`answered ${answer.statusCode}`)),
      )
    })
    outgoing.once('error', reject)
    outgoing.end(body)
  })
}

export function quantiles(times: readonly number[]): { p50: number; p99: number } {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  return { p50: at(0.5), p99: at(0.99) }
}

export const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
