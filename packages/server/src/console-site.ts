/** Serves the built files of packages/console to browsers. They are read at the start, so that a request opens no file. */
import { type Dirent, readdirSync, readFileSync } from 'node:fs'
import { extname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import type { Env } from '@kabutar/http/env.ts'
import { Hono } from 'hono'

/** The folder that the build of packages/console writes. */
export const BUILT_CONSOLE = fileURLToPath(new URL('../../console/dist', import.meta.url))

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
}
const COMPRESSED = new Set(['.html', '.js', '.css', '.json', '.webmanifest', '.svg', '.txt'])
const MAX_FILES = 500

/**
 * Nothing but files of this origin, and no text that becomes script. Messages are shown in a frame of the same origin,
 * whose own policy is stricter (http/src/message-view.ts).
 */
const POLICY = [
  "default-src 'self'",
  "img-src 'self' data:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-src 'self'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ')

const HEADERS = {
  'Content-Security-Policy': POLICY,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
}

type BuiltFile = { readonly type: string; readonly bytes: Buffer; readonly gzipped: Buffer | undefined }

/** The routes of the page: index.html at `/` and below `/console/`, and each file of the build. Undefined if it was not built. */
export function consoleSite(folder: string): Hono<Env> | undefined {
  const files = new Map(pathsIn(folder).map((path) => [path, builtFile(join(folder, path))]))
  const index = files.get('index.html')
  if (index === undefined) return undefined
  const site = new Hono<Env>()
  for (const path of ['/', '/console', '/console/*']) {
    site.get(path, (c) => answer(index, c.req.header('Accept-Encoding'), 'no-store'))
  }
  for (const [path, file] of files) {
    // The build puts a hash of the content into the names below assets/.
    const caching = path.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache'
    if (file !== index) site.get(`/${path}`, (c) => answer(file, c.req.header('Accept-Encoding'), caching))
  }
  return site
}

function pathsIn(folder: string): readonly string[] {
  const isShown = (entry: Dirent) => entry.isFile() && extname(entry.name) in TYPES
  try {
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(isShown)
    const paths = entries.map(({ parentPath, name }) => relative(folder, join(parentPath, name)))
    return paths.slice(0, MAX_FILES).map((path) => path.replaceAll(sep, '/'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

function builtFile(path: string): BuiltFile {
  const [extension, bytes] = [extname(path), readFileSync(path)]
  return {
    type: TYPES[extension] ?? '',
    bytes,
    gzipped: COMPRESSED.has(extension) ? gzipSync(bytes) : undefined,
  }
}

function answer({ type, bytes, gzipped }: BuiltFile, accepted: string | undefined, caching: string): Response {
  const isGzipped = gzipped !== undefined && /\bgzip\b/.test(accepted ?? '')
  const headers = {
    ...HEADERS,
    'Content-Type': type,
    'Cache-Control': caching,
    Vary: 'Accept-Encoding',
    ...(isGzipped && { 'Content-Encoding': 'gzip' }),
  }
  return new Response(new Uint8Array(isGzipped ? gzipped : bytes), { headers })
}
