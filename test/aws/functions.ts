import { basename, join } from 'node:path'
import type { LambdaFunction } from '../infra/declared.ts'
import { APP } from '../infra/diff.ts'
import { type Executions, executionsUpTo } from './executions.ts'
import { type Lambda, startLambda } from './lambda.ts'
import { accessKeyOf, type Usage } from './usage.ts'
import type { Wiring } from './wiring.ts'

export type Environment = Readonly<Record<string, string>>
type FunctionName = 'api' | 'domains' | 'send' | 'feedback' | 'notify' | 'receive' | 'sweep' | 'teardown'
/** Functions by the name of their file, such as `send`. */
export type Lambdas = Readonly<Record<FunctionName, Lambda>>

/** `sandboxes`: of a function by its name, 1 if not listed. `executions`: those of the account. */
export type Concurrency = {
  readonly sandboxes: Readonly<Record<string, number>>
  readonly executions: Executions
}
/** Few, because this machine is small. */
const SANDBOXES = { api: 4, send: 2, notify: 2 }
/** Settings that tests may set although the stacks do not. */
const FREE = /^(AWS_|CLOCK_AHEAD_MS$|KABUTAR_(SEND_RETRIES|WEBHOOK_RETRIES|ALLOW_PRIVATE)$)/
/** The function whose clock is never ahead, because receivers compare its signature's time with their clock. */
const ON_TIME = 'notify'
/** By how much the clock of a function is ahead. */
export const aheadMsOf = (name: string, env: Environment): number =>
  name === ON_TIME ? 0 : Number(env.CLOCK_AHEAD_MS ?? 0)

export type Started = {
  readonly named: Lambdas
  readonly byComponent: ReadonlyMap<string, Lambda>
  readonly all: readonly Lambda[]
  readonly nameOf: (component: string) => string
  readonly sandboxesOf: (component: string) => number
}

/** The file in `folder` to which a function's calls to AWS are written. */
export const callsOf = (folder: string, { handler }: LambdaFunction) => join(folder, `${basename(handler)}.jsonl`)

export type Observed = {
  /** Folder of the files with calls to AWS. */
  readonly calls: string
  readonly usage: Usage
}

export async function startFunctions(
  { functions }: Wiring,
  urlOf: (queue: string) => string,
  env: Environment,
  { calls, usage }: Observed,
  { sandboxes = SANDBOXES, executions = executionsUpTo(Number.POSITIVE_INFINITY) }: Partial<Concurrency> = {},
): Promise<Started> {
  const started = await Promise.all(
    functions.map(async (declared) => {
      const name = nameOf(declared)
      const own = { ...env, CLOCK_AHEAD_MS: String(aheadMsOf(name, env)) }
      const lambda = await startLambda({
        bundle: join(APP, '.sst/artifacts', `${declared.component}-src`, 'bundle.mjs'),
        handler: declared.inputs.handler,
        timeoutMs: declared.inputs.timeout * 1000,
        sandboxes: sandboxes[name] ?? 1,
        memoryMb: declared.inputs.memorySize,
        executions,
        count: usage.by(name),
        env: {
          ...environmentOf(declared, urlOf, own),
          AWS_ACCESS_KEY_ID: accessKeyOf(name),
          KABUTAR_TEST_CALLS: callsOf(calls, declared),
        },
      })
      return { name, lambda, component: declared.component }
    }),
  )
  const names = new Map(started.map(({ component, name }) => [component, name]))
  return {
    named: Object.fromEntries(started.map(({ name, lambda }) => [name, lambda])) as unknown as Lambdas,
    byComponent: new Map(started.map(({ component, lambda }) => [component, lambda])),
    all: started.map(({ lambda }) => lambda),
    nameOf: (component) => names.get(component) ?? '',
    sandboxesOf: (component) => sandboxes[names.get(component) ?? ''] ?? 1,
  }
}

function nameOf({ handler }: LambdaFunction): string {
  return handler.replace(/^functions\//, '').replace(/\.handler$/, '')
}

/** Only the settings that the stacks declare, with URLs of queues that lead to the stand-in. */
function environmentOf({ inputs }: LambdaFunction, urlOf: (queue: string) => string, env: Environment): Environment {
  const { variables } = inputs.environment
  const led = (value: string) => value.replaceAll(/https:\/\/sqs\.[^/]+\/\d+\/([\w-]+)/g, (_, queue) => urlOf(queue))
  const declared = Object.entries(variables).map(([name, value]) => [name, led(value)] as const)
  const set = Object.entries(env).filter(([name]) => name in variables || FREE.test(name))
  return { ...Object.fromEntries(declared), ...Object.fromEntries(set) }
}
