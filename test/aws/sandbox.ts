import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { RUNTIME } from './ric.ts'
import { bodyOf, serve } from './servers.ts'

/** A process that runs a function as Lambda does: AWS's runtime client on Node 24, one event at a time. */
export type SandboxOptions = {
  readonly bundle: string
  /** The handler's name at Lambda, such as `bundle.handler`. */
  readonly handler: string
  readonly env: Readonly<Record<string, string>>
  readonly timeoutMs: number
  readonly onLog: (line: string) => void
}
export type Sandbox = {
  /** Time from the start of the process to its first request for an event. */
  readonly initMs: number
  /** `lineage`: that of the invocation (lineage.ts). @throws {Error} if the handler throws, runs out of time or its process ends */
  invoke(event: unknown, lineage?: string): Promise<unknown>
  readonly ended: Promise<unknown>
  /** Kills the process at once. */
  kill(): void
}

type Job = {
  readonly id: string
  readonly event: unknown
  readonly lineage: string
  done(answer: unknown): void
  failed(error: Error): void
}
type State = { waiting: ServerResponse | undefined; job: Job | undefined; started: (() => void) | undefined }

const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

const preloaded = (file: string) => `--import=${pathToFileURL(join(import.meta.dirname, file)).href}`
const TRACE = 'Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0'
const PATH = /^\/2018-06-01\/runtime\/(?:invocation\/(?<rest>.+)|init\/error)$/

export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const from = performance.now()
  const state: State = { waiting: undefined, job: undefined, started: undefined }
  const ready = new Promise<void>((resolve) => {
    state.started = resolve
  })
  const api = await serve((request, response) => void runtimeApi(state, options, request, response))
  const child = spawnRuntime(options, new URL(api.endpoint).host)
  const ended = once(child, 'close').then(() => {
    api.close()
    state.job?.failed(new Error('the sandbox ended'))
  })
  await Promise.race([ready, ended.then(() => Promise.reject(new Error(`${options.bundle} does not start`)))])
  const kill = () => void child.kill('SIGKILL')
  return {
    initMs: performance.now() - from,
    ended,
    kill,
    invoke: (event, lineage = '') => invoke(state, options, { event, lineage }, kill),
  }
}

function spawnRuntime({ bundle, handler, env, onLog }: SandboxOptions, runtimeApi: string): ChildProcess {
  const child = spawn(process.execPath, [RUNTIME], {
    cwd: dirname(bundle),
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...env,
      NODE_OPTIONS: [
        ...(Number(env.CLOCK_AHEAD_MS ?? 0) > 0 ? [preloaded('clock-ahead.ts')] : []),
        ...(env.KABUTAR_TEST_CALLS ? [preloaded('observe.ts')] : []),
      ].join(' '),
      _HANDLER: handler,
      LAMBDA_TASK_ROOT: dirname(bundle),
      AWS_LAMBDA_RUNTIME_API: runtimeApi,
      AWS_LAMBDA_FUNCTION_NAME: 'kabutar',
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
      AWS_LAMBDA_LOG_GROUP_NAME: 'group',
      AWS_LAMBDA_LOG_STREAM_NAME: 'stream',
      AWS_LAMBDA_LOG_FORMAT: 'JSON',
      AWS_LAMBDA_LOG_LEVEL: 'WARN',
      AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
      TZ: ':UTC',
    },
  })
  for (const stream of [child.stdout, child.stderr]) if (stream) createInterface({ input: stream }).on('line', onLog)
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

/** Answers the four calls of Lambda's Runtime API. */
async function runtimeApi(state: State, options: SandboxOptions, request: IncomingMessage, response: ServerResponse) {
  const [id = '', verb = ''] = (PATH.exec(request.url ?? '')?.groups?.rest ?? '').split('/')
  if (id === 'next') {
    state.waiting = response
    state.started?.()
    return give(state, options)
  }
  const body = (await bodyOf(request)).toString()
  response.writeHead(202, { 'content-type': 'application/json' }).end('{}')
  const { job } = state
  if (job === undefined || job.id !== id) return
  state.job = undefined
  if (verb === 'response') job.done(body === '' ? null : JSON.parse(body))
  else job.failed(new Error(`the handler failed: ${body.slice(0, 2000)}`))
}

function give(state: State, { timeoutMs, env }: SandboxOptions): void {
  const { job, waiting } = state
  if (job === undefined || waiting === undefined) return
  state.waiting = undefined
  waiting.writeHead(200, {
    'content-type': 'application/json',
    'lambda-runtime-aws-request-id': job.id,
    'lambda-runtime-deadline-ms': String(Date.now() + Number(env.CLOCK_AHEAD_MS ?? 0) + timeoutMs),
    'lambda-runtime-invoked-function-arn': 'arn:aws:lambda:us-east-1:123456789012:function:kabutar',
    'lambda-runtime-trace-id': `${TRACE}${job.lineage && `;Lineage=${job.lineage}`}`,
  })
  waiting.end(JSON.stringify(job.event))
}

async function invoke(
  state: State,
  options: SandboxOptions,
  asked: Pick<Job, 'event' | 'lineage'>,
  kill: () => void,
): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  state.job = { id: randomUUID(), ...asked, done: resolve, failed: reject }
  const late = setTimeout(kill, options.timeoutMs)
  give(state, options)
  return promise.finally(() => clearTimeout(late))
}
