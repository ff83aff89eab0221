/** Puts the page together. Nothing else names the window, its storage or its document. */
import { render } from 'preact'
import { createApi } from './api/client.ts'
import { type Console, ConsoleContext } from './app/console.ts'
import { createNotices } from './app/notices.ts'
import { createPreferences } from './app/preferences.ts'
import { createRouter } from './app/router.ts'
import { createSession } from './app/session.ts'
import { Shell } from './app/shell.tsx'
import { createLanguage, preferred } from './i18n/language.ts'
import './styles/base.css'
import './styles/shell.css'
import './styles/controls.css'
import './styles/overlays.css'

const session = createSession(window.sessionStorage)
const language = createLanguage(document)
const preferences = createPreferences(window.localStorage, document.documentElement)
const page: Console = {
  api: createApi({ fetch: window.fetch.bind(window), key: session.key, onUnauthorized: session.expire }),
  session,
  router: createRouter(window),
  language,
  t: language.t,
  preferences,
  notices: createNotices(),
}

await language.choose(preferences.language.value ?? preferred(navigator.languages))
const root = document.querySelector('#console')
if (root) {
  render(
    <ConsoleContext.Provider value={page}>
      <Shell />
    </ConsoleContext.Provider>,
    root,
  )
}
