import { type ExecFileSyncOptions, execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { installDebian } from '../interop/debian.ts'

const MODULES = resolve(import.meta.dirname, 'ric/node_modules')
const CLIENT = join(MODULES, 'aws-lambda-ric')
const CACHE = resolve(import.meta.dirname, '../../.cache/aws')
const MINUTES = 60_000

/** AWS's runtime client for Node, which runs the handler inside Lambda. */
export const RUNTIME = join(CLIENT, 'index.mjs')

/**
 * Builds the native part of the runtime client, once for each version and machine type. The build takes a minute and is
 * kept in `.cache/aws`. The package's own install script would download the headers of Node; the build needs only those
 * of Node-API, which the lockfile pins.
 * @throws {Error} if a tool is missing and cannot be installed, or the build fails
 */
export function buildRuntime(): void {
  const native = join(CLIENT, 'rapid-client.node')
  if (existsSync(native)) return
  if (!existsSync(CLIENT)) throw new Error('run `npm ci --prefix test/aws/ric --ignore-scripts` first')
  const { version } = JSON.parse(readFileSync(join(CLIENT, 'package.json'), 'utf8')) as { version: string }
  const cached = join(CACHE, `rapid-client-${version}-${process.platform}-${process.arch}.node`)
  if (!existsSync(cached)) compile(cached)
  copyFileSync(cached, native)
}

function compile(target: string): void {
  installDebian(['cmake', 'g++', 'make', 'xz-utils'])
  mkdirSync(CACHE, { recursive: true })
  const options: ExecFileSyncOptions = { cwd: CLIENT, stdio: ['ignore', 'ignore', 'pipe'], timeout: 10 * MINUTES }
  // curl and aws-lambda-cpp are in archives inside the package.
  execFileSync('sh', ['scripts/preinstall.sh'], options)
  const built = join(CLIENT, 'deps/artifacts')
  // These headers are included and not used.
  for (const name of ['uv.h', 'v8.h', 'node.h']) writeFileSync(join(built, 'include', name), '')
  const includes = [join(built, 'include'), join(MODULES, 'node-api-headers/include'), join(MODULES, 'node-addon-api')]
  execFileSync(
    'g++',
    [
      ...['-std=c++17', '-O1', '-fPIC', '-shared', '-DNAPI_CPP_EXCEPTIONS', '-DNODE_GYP_MODULE_NAME=rapid_client'],
      ...includes.flatMap((folder) => ['-I', folder]),
      'src/native/rapid-client.cc',
      join(built, 'lib/libaws-lambda-runtime.a'),
      join(built, 'lib/libcurl.a'),
      ...['-pthread', '-o', target],
    ],
    options,
  )
}

if (import.meta.main) buildRuntime()
