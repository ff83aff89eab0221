/**
 * Builds the page into `dist`: one first view, and a file for each page that is opened later.
 * `npm run dev -w @kabutar/console` serves it at once, with the API of a server that runs beside it.
 */
import { gzipSync } from 'node:zlib'
import { defineConfig, type Plugin, type Rollup } from 'vite'

/** What a browser loads before it shows the page, compressed. */
const MAX_FIRST_VIEW_BYTES = 150_000
/** The first versions, of 2024, that have both `light-dark()` and the methods of sets, which are not translated for older ones. */
const BROWSERS = ['chrome123', 'edge123', 'firefox127', 'safari17.5']

/** Where `npm start` listens. */
const SERVER = 'http://127.0.0.1:3000'

export default defineConfig({
  plugins: [firstViewBudget()],
  build: { target: BROWSERS, modulePreload: { polyfill: false }, assetsInlineLimit: 0, reportCompressedSize: false },
  server: { proxy: { '/api': { target: SERVER, changeOrigin: true, headers: { Origin: SERVER } } } },
})

/** Fails a build whose first view is larger than `MAX_FIRST_VIEW_BYTES`. */
function firstViewBudget(): Plugin {
  return {
    name: 'first-view-budget',
    apply: 'build',
    generateBundle(_options, bundle) {
      const bytes = firstView(bundle).reduce((sum, content) => sum + gzipSync(content).length, 0)
      if (bytes > MAX_FIRST_VIEW_BYTES) this.error(`the first view has ${bytes} bytes of ${MAX_FIRST_VIEW_BYTES}`)
      this.info(`the first view has ${bytes} bytes compressed, of ${MAX_FIRST_VIEW_BYTES}`)
    },
  }
}

/** The entry, the chunks that it imports statically, and its styles. */
function firstView(bundle: Rollup.OutputBundle): (string | Uint8Array)[] {
  const files = Object.values(bundle)
  const entry = files.find((file) => file.type === 'chunk' && file.isEntry)
  const wanted = new Set([entry?.fileName ?? '', ...files.filter(isMainStyle).map(({ fileName }) => fileName)])
  for (const name of wanted) {
    const file = bundle[name]
    if (file?.type === 'chunk') for (const imported of file.imports) wanted.add(imported)
  }
  return files
    .filter(({ fileName }) => wanted.has(fileName))
    .map((file) => (file.type === 'chunk' ? file.code : file.source))
}

const isMainStyle = ({ fileName }: { readonly fileName: string }) => /^assets\/index-[^/]*\.css$/.test(fileName)
