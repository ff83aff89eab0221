import { createRequire } from 'node:module'
import { join } from 'node:path'
import { callOf, type Inputs, resourceState, type State } from './answers.ts'

/** A resource that a program declared. `execute` runs it in Pulumi's mock engine. */
export type Declared = {
  readonly urn: string
  readonly type: string
  readonly name: string
  readonly id: string
  readonly custom: boolean
  readonly parent: string
  /** Empty for the default provider, which adds the tags of `sst.config.ts`. */
  readonly provider: string
  readonly protect: boolean
  readonly retainOnDelete: boolean
  readonly inputs: Inputs
  outputs?: Inputs
}

type Struct = { readonly struct: never }
type Request = {
  getType(): string
  getName(): string
  getParent(): string
  getUrn(): string
  getObject?(): Struct
  getProperties?(): Struct
  getOutputs?(): Struct
  getCustom?(): boolean
  getProtect?(): boolean
  getProvider?(): string
  getRetainondelete?(): boolean
}
type Response = { getUrn(): string; getId?(): string }
type Callback = (error: unknown, response: Response) => void
type Monitor = Record<string, (request: Request, callback: Callback) => unknown>
type Mocks = {
  newResource(args: { custom: boolean; type: string; name: string; inputs: Inputs }): State
  call(args: { token: string; inputs: Inputs }): Inputs
}
type Runtime = {
  setMocks(mocks: Mocks, project: string, stack: string, preview: boolean, organization: string): Promise<void>
  getMonitor(): Monitor
  runInPulumiStack(program: () => Promise<unknown>): Promise<unknown>
}
type Platform = {
  readonly runtime: Runtime
  deserialize(struct: Struct): unknown
  readonly crypto: { randomBytes: (size: number, ...rest: unknown[]) => Buffer }
}

/** Loads the instance of Pulumi in `.sst/platform` below `root`, which is the one that the program imports. */
function platformAt(root: string): Platform {
  const require = createRequire(join(root, '.sst/platform/package.json'))
  return {
    runtime: require('@pulumi/pulumi').runtime,
    deserialize: require('@pulumi/pulumi/runtime/rpc').deserializeProperties,
    crypto: require('node:crypto'),
  }
}

/** Runs a Pulumi program in Pulumi's mock engine; once a process, because Pulumi's state is global. */
export async function execute(
  root: string,
  project: string,
  stage: string,
  program: () => Promise<unknown>,
): Promise<readonly Declared[]> {
  const platform = platformAt(root)
  const { runtime, crypto } = platform
  await runtime.setMocks(
    {
      newResource: ({ custom, type, name, inputs }) =>
        custom ? resourceState(type, name, inputs) : { id: '', state: inputs },
      call: ({ token, inputs }) => callOf(token, inputs, process.env.KABUTAR_TEST_RULE_SET ?? 'none'),
    },
    project,
    stage,
    false,
    'organization',
  )
  const declared = record(platform)
  // Physical names end in 8 random bytes. A constant makes runs comparable; names are unique without it.
  const random = crypto.randomBytes
  crypto.randomBytes = (size, ...rest) => (size === 8 && rest.length === 0 ? Buffer.alloc(8, 7) : random(size, ...rest))
  // A rejection also arrives as an unhandled rejection, which the caller collects.
  runtime.runInPulumiStack(program).catch(() => undefined)
  // Like in Pulumi, the program has ended when the event loop is empty.
  await new Promise((resolve) => process.once('beforeExit', resolve))
  return declared
}

/** Records requests on their way to the monitor, because mocks do not get parents and options. */
function record({ runtime, deserialize }: Platform): readonly Declared[] {
  const declared: Declared[] = []
  const monitor = runtime.getMonitor()
  const plain = (struct: Struct | undefined): Inputs => readable(struct ? deserialize(struct) : {})
  const wrap = (method: string, before: (request: Request, response: Response) => void) => {
    const original = monitor[method]?.bind(monitor)
    monitor[method] = (request, callback) =>
      original?.(request, (error, response) => {
        if (!error) before(request, response)
        callback(error, response)
      })
  }
  const add = (request: Request, response: Response) => {
    declared.push({
      urn: response.getUrn(),
      type: request.getType(),
      name: request.getName(),
      id: response.getId?.() ?? '',
      custom: request.getCustom?.() ?? true,
      parent: request.getParent(),
      provider: request.getProvider?.() ?? '',
      protect: request.getProtect?.() ?? false,
      retainOnDelete: request.getRetainondelete?.() ?? false,
      inputs: plain((request.getObject ?? request.getProperties)?.call(request)),
    })
  }
  wrap('registerResource', add)
  wrap('readResource', add)
  wrap('registerResourceOutputs', (request) => {
    const component = declared.find(({ urn }) => urn === request.getUrn())
    if (component) component.outputs = plain(request.getOutputs?.())
  })
  return declared
}

const SECRET = '4dabf18193072939515e22adb298388d'

/** Replaces secrets by their values, which are made up here, and drops references to providers. */
function readable(value: unknown): Inputs {
  const json = JSON.stringify(value, (name, one: unknown) => {
    if (name === '__provider') return undefined
    return one !== null && typeof one === 'object' && SECRET in one ? (one as unknown as { value: unknown }).value : one
  })
  return JSON.parse(json ?? '{}') as Inputs
}
