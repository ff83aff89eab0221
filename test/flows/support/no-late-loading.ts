/** Preloaded into a server: once its banner is out, no module of a package can be loaded, as if the descriptors were out. */
import { registerHooks } from 'node:module'

let isStarted = false
const write = process.stdout.write.bind(process.stdout)
process.stdout.write = ((chunk: string | Uint8Array, ...rest: []) => {
  isStarted ||= String(chunk).includes('Kabutar listens')
  return write(chunk, ...rest)
}) as typeof process.stdout.write

registerHooks({
  load(url, context, nextLoad) {
    if (isStarted && /node_modules\/(mailparser|nodemailer|libmime|undici)\//.test(url))
      throw new Error(`too late: ${url}`)
    return nextLoad(url, context)
  },
})
