/** The server of receiving.ts: the whole embedded server. Arguments: a folder of its own, its API key, and the data folder if that is another. */

import { jsonLog } from '@kabutar/server/log.ts'
import { readSettings } from '@kabutar/server/settings.ts'
import { startServer } from '@kabutar/server/wiring.ts'

const [own = '', apiKey = '', data = own] = process.argv.slice(2)
const settings = readSettings(
  {
    KABUTAR_DATA: data,
    KABUTAR_HTTP: '127.0.0.1:0',
    KABUTAR_SMTP: '127.0.0.1:0',
    KABUTAR_SMTP_MAX_PER_NETWORK: '200',
    KABUTAR_SMTP_MAX_PER_ADDRESS: '200',
    KABUTAR_API_KEY: apiKey,
  },
  [],
)
const running = await startServer(settings, jsonLog('warn'))
console.log(`smtp ${running.smtp?.split(':').at(-1)}`)
console.log(`port ${new URL(running.url).port}`)
