import { type Count, GB } from '../cost/tally.ts'
import { type Executions, execute } from './executions.ts'
import { type Sandbox, type SandboxOptions, startSandbox } from './sandbox.ts'

/** A function with a few sandboxes. Further events wait for a free one, as with a reserved concurrency. */
export type Lambda = {
  /**
   * `lineage`: that of the invocation.
   * @throws {TooManyRequests} if the account has as many executions as it may
   * @throws {Error} if the handler throws, runs out of time or its process ends
   */
  invoke(event: unknown, lineage?: string): Promise<unknown>
  readonly logs: readonly string[]
  /** `failed`: invocations that ended with an error or with their sandbox. */
  readonly used: { invocations: number; milliseconds: number; failed: number }
  initMs(): readonly number[]
  /** Kills every sandbox at once; the next event starts a new one. */
  kill(): Promise<void>
}
type LambdaOptions = Omit<SandboxOptions, 'onLog'> & {
  readonly sandboxes: number
  readonly memoryMb: number
  /** Those of the account. */
  readonly executions: Executions
  /**
   * Counts invocations, their time on this machine, and the bytes that a function logs. Lambda's own log lines are not
   * written, because the stacks set their level to WARN (test/infra/functions.test.ts).
   */
  readonly count: Count
}

type Pool = {
  readonly free: Sandbox[]
  readonly all: Set<Sandbox>
  /** Wake-ups of invocations that wait for a sandbox. */
  readonly waiting: (() => void)[]
  starting: number
}

export async function startLambda(options: LambdaOptions): Promise<Lambda> {
  const logs: string[] = []
  const pool: Pool = { free: [], all: new Set(), waiting: [], starting: 0 }
  const used = { invocations: 0, milliseconds: 0, failed: 0 }
  const onLog = (line: string) => {
    logs.push(line)
    options.count('logGb', Buffer.byteLength(line) / GB)
  }
  const start = () => startSandbox({ ...options, onLog })
  const invokeOne = async (event: unknown, lineage?: string): Promise<unknown> => {
    const sandbox = await take(pool, options.sandboxes, start)
    const from = performance.now()
    try {
      return await sandbox.invoke(event, lineage)
    } catch (error) {
      used.failed++
      throw error
    } finally {
      const milliseconds = performance.now() - from
      used.invocations++
      used.milliseconds += milliseconds
      options.count('lambdaRequests', 1)
      options.count('lambdaGbSeconds', (Math.ceil(milliseconds) / 1000) * (options.memoryMb / 1024))
      release(pool, sandbox)
    }
  }
  // Starts one sandbox, so that a function that cannot start fails here and not in the first test.
  release(pool, await take(pool, options.sandboxes, start))
  return {
    logs,
    used,
    initMs: () => [...pool.all].map(({ initMs }) => initMs),
    invoke: (event, lineage) => execute(options.executions, () => invokeOne(event, lineage)),
    async kill() {
      const running = [...pool.all]
      for (const sandbox of running) sandbox.kill()
      await Promise.all(running.map(({ ended }) => ended))
    },
  }
}

function add(pool: Pool, sandbox: Sandbox): void {
  pool.all.add(sandbox)
  void sandbox.ended.then(() => {
    pool.all.delete(sandbox)
    const at = pool.free.indexOf(sandbox)
    if (at >= 0) pool.free.splice(at, 1)
  })
}

async function take(pool: Pool, sandboxes: number, start: () => Promise<Sandbox>): Promise<Sandbox> {
  for (;;) {
    const free = pool.free.pop()
    if (free) return free
    if (pool.all.size + pool.starting >= sandboxes) {
      await new Promise<void>((resolve) => pool.waiting.push(resolve))
      continue
    }
    pool.starting++
    try {
      const sandbox = await start()
      add(pool, sandbox)
      return sandbox
    } finally {
      pool.starting--
    }
  }
}

function release(pool: Pool, sandbox: Sandbox): void {
  if (pool.all.has(sandbox)) pool.free.push(sandbox)
  pool.waiting.shift()?.()
}
