import { useState } from 'preact/hooks'
import { useConsole } from './console.ts'
import type { Refusal } from './session.ts'

/** Asks for an API key. Shown where the server does not let the reader in without one. */
export function SignIn({ refusal }: { readonly refusal: Refusal | undefined }) {
  const { session, api, t } = useConsole()
  const [busy, setBusy] = useState(false)
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    const key = String(new FormData(event.currentTarget as HTMLFormElement).get('key') ?? '').trim()
    if (key === '') return
    setBusy(true)
    await session.signIn(api, key)
    setBusy(false)
  }
  return (
    <main class="sign-in">
      <form class="card" onSubmit={(event) => void submit(event)}>
        <h1>
          <img src="/icon.svg" alt="" width="32" height="32" /> Kabutar
        </h1>
        <p>{t('sign-in.lead')}</p>
        <label class="field">
          <span>{t('sign-in.key')}</span>
          <input name="key" type="password" required autocomplete="off" spellcheck={false} placeholder="re_…" />
        </label>
        {refusal !== undefined && (
          <p class="error" role="alert">
            {refusal.why === 'server' ? t('sign-in.refused', { message: refusal.message }) : t('sign-in.sending-key')}
          </p>
        )}
        <button type="submit" class="button primary" disabled={busy}>
          {t('sign-in.submit')}
        </button>
        <p class="hint">{t('sign-in.kept')}</p>
      </form>
    </main>
  )
}
