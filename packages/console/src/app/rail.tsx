/** Shows the rail beside every page: links to the pages, how the server is set up, and the reader's preferences. */
import { HealthLine } from '../health/health-line.tsx'
import { Icon } from '../ui/icon.tsx'
import { type Group, Menu } from '../ui/menu.tsx'
import { useConsole, useSignedIn } from './console.ts'
import { mayNotify } from './desktop-notices.ts'
import { PAGES, type Page } from './pages.ts'
import { THEMES, type Theme } from './preferences.ts'

export function Rail() {
  const { t } = useConsole()
  const { who } = useSignedIn()
  return (
    <header class="rail">
      <div class="brand">
        <img src="/icon.svg" alt="" width="28" height="28" />
        <span>Kabutar</span>
      </div>
      <nav aria-label={t('nav.label')}>
        {PAGES.filter(({ shown }) => shown?.(who) ?? true).map((page) => (
          <PageLink key={page.name} page={page} />
        ))}
      </nav>
      <HealthLine />
      <div class="rail-foot">
        <span class={who.relay === 'capture' ? 'mode capture' : 'mode'}>
          {t(who.relay === 'capture' ? 'shell.capture' : 'shell.relay')}
        </span>
        {who.mode === 'key' && <SignOut />}
        <PreferencesMenu />
      </div>
    </header>
  )
}

function PageLink({ page: { name, title } }: { readonly page: Page }) {
  const { router, t } = useConsole()
  const { messages } = useSignedIn()
  const current = (router.current.value.path[0] ?? 'messages') === name
  const unread = name === 'messages' ? messages.unread.value.size : 0
  return (
    <a class="rail-link" href={router.href([name])} aria-current={current ? 'page' : undefined} title={t(title)}>
      <Icon name={name} />
      <span>{t(title)}</span>
      {unread > 0 && <span class="badge">{unread > 99 ? '99+' : unread}</span>}
    </a>
  )
}

/** Shown to whoever signed in with a key, and may want to sign in with another. */
function SignOut() {
  const { t, session, api } = useConsole()
  const label = t('shell.sign-out')
  return (
    <button
      type="button"
      class="button quiet"
      aria-label={label}
      title={label}
      onClick={() => void session.signOut(api)}
    >
      <Icon name="sign-out" />
    </button>
  )
}

/** Makes the group of preferences that are on or off. */
function useSwitches(): Group {
  const { t, notices, preferences } = useConsole()
  const { shortcuts, notify } = preferences
  const toggleNotify = async () => {
    if (notify.value || (await mayNotify())) notify.value = !notify.value
    else notices.failed(t('shell.notify-refused'))
  }
  return {
    type: 'checkbox',
    choices: [
      { value: 'shortcuts', label: t('shell.keys-on'), checked: shortcuts.value },
      { value: 'notify', label: t('shell.notify'), checked: notify.value },
    ],
    choose: (value) => {
      if (value === 'notify') void toggleNotify()
      else shortcuts.value = !shortcuts.value
    },
  }
}

function PreferencesMenu() {
  const { t, preferences, language, session, api, router } = useConsole()
  const { who } = useSignedIn()
  const { theme } = preferences
  const groups: Group[] = [
    {
      label: t('shell.theme'),
      type: 'radio',
      choices: THEMES.map((value) => ({ value, label: t(`shell.theme.${value}`), checked: value === theme.value })),
      choose: (value) => {
        theme.value = value as Theme
      },
    },
    {
      label: t('shell.language'),
      type: 'radio',
      choices: language.names.map(([value, label]) => ({ value, label, checked: value === language.code.value })),
      choose: (value) => {
        preferences.language.value = value
        void language.choose(value)
      },
    },
    useSwitches(),
    { choices: [{ value: 'help', label: t('shell.help') }], choose: () => router.set({ help: 'keys' }) },
  ]
  const signOut = {
    choices: [{ value: 'sign-out', label: t('shell.sign-out') }],
    choose: () => void session.signOut(api),
  }
  return (
    <Menu
      label={t('shell.preferences')}
      trigger={<Icon name="settings" />}
      groups={who.mode === 'key' ? [...groups, signOut] : groups}
    />
  )
}
