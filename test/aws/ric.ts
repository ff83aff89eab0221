import { type ExecFileSyncOptions, execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { installDebian } from '../interop/debian.ts'

const MODULES = resolve(import.meta.dirname, 'ric/node_modules')
const CLIENT = join(MODULES, 'aws-lambda-ric')
const CACHE = resolve(import.meta.dirname, '../../.cache/aws')
const MINUTES = 60_000

/** AWS's runtime client for Node: what runs a handler inside Lambda. */
export const RUNTIME = join(CLIENT, 'index.mjs')

/**
 * Builds the native part of the runtime client, once for each version and kind of machine: a minute, then it is taken
 * from `.cache/aws`. Its own install script would download the headers of Node; it needs those of Node-API only, and
 * these come from the lockfile.
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
  // curl and aws-lambda-cpp, from archives inside the package.
  execFileSync('sh', ['scripts/preinstall.sh'], options)
  const built = join(CLIENT, 'deps/artifacts')
  // It includes these and uses nothing of them.
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
