/** Frames every page: it asks for a key first, then shows the rail, the page of the URL, toasts and the live region. */
import type { ComponentType } from 'preact'
import { lazy, Suspense } from 'preact/compat'
import { useEffect, useMemo } from 'preact/hooks'
import { MessageList } from '../messages/message-list.ts'
import { Empty, Failed, Loading } from '../ui/states.tsx'
import { Toasts } from '../ui/toasts.tsx'
import { SignedInContext, useConsole, useSignedIn } from './console.ts'
import { notifyOf } from './desktop-notices.ts'
import { PAGES, type Page } from './pages.ts'
import { Rail } from './rail.tsx'
import type { Identity } from './session.ts'
import { Shortcuts } from './shortcuts.tsx'
import { SignIn } from './sign-in.tsx'

export function Shell() {
  const { session, api, notices } = useConsole()
  const state = session.state.value
  useEffect(() => {
    if (state.name === 'opening') void session.open(api)
  }, [session, api, state.name])
  return (
    <>
      {state.name === 'opening' && <Loading />}
      {state.name === 'unreachable' && <Failed error={new Error(state.message)} retry={() => void session.open(api)} />}
      {state.name === 'signed-out' && <SignIn refusal={state.refusal} />}
      {state.name === 'open' && <Frame key={state.who.account_id} who={state.who} />}
      <div class="spoken" role="status" aria-live="polite">
        {notices.spoken}
      </div>
      <Toasts />
    </>
  )
}

/** Lives as long as one person is signed in. */
function Frame({ who }: { readonly who: Identity }) {
  const { api, notices, preferences, t } = useConsole()
  const messages = useMemo(
    () =>
      new MessageList({
        api,
        account: who.account_id,
        browser: window,
        arrived: (fresh) => {
          const text = t('messages.arrived', { count: fresh.length })
          notices.say(text)
          if (preferences.notify.peek()) notifyOf(fresh, text)
        },
      }),
    [api, who, notices, preferences, t],
  )
  useEffect(() => () => messages.stop(), [messages])
  const unread = messages.unread.value.size
  useEffect(() => {
    document.title = unread === 0 ? 'Kabutar' : `(${unread > 99 ? '99+' : unread}) Kabutar`
  }, [unread])
  return (
    <SignedInContext.Provider value={{ who, messages }}>
      <button type="button" class="skip" onClick={() => document.querySelector<HTMLElement>('#content')?.focus()}>
        {t('shell.skip')}
      </button>
      <div class="app">
        <Rail />
        <main class="content" id="content" tabIndex={-1}>
          <CurrentPage />
        </main>
      </div>
      <Shortcuts />
    </SignedInContext.Provider>
  )
}

const COMPONENTS: ReadonlyMap<Page, ComponentType> = new Map(PAGES.map((page) => [page, lazy(page.load)]))

function CurrentPage() {
  const { router, t } = useConsole()
  const { who } = useSignedIn()
  const name = router.current.value.path[0] ?? 'messages'
  const page = PAGES.find((one) => one.name === name && (one.shown?.(who) ?? true))
  const Component = page && COMPONENTS.get(page)
  if (!Component) return <Empty title={t('shell.no-page')} />
  return (
    <Suspense fallback={<Loading />}>
      <Component />
    </Suspense>
  )
}
