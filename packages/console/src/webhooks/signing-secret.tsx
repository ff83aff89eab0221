import { useState } from 'preact/hooks'
import type { WebhookWithSecret } from '../api/resources.ts'
import { useConsole } from '../app/console.ts'
import { CopyButton } from '../ui/copy-button.tsx'
import { FormDialog } from '../ui/form-dialog.tsx'

type Props = { readonly webhook: WebhookWithSecret; readonly reload: () => void }

/** Shows the secret that receivers verify signatures with, once it is asked for. */
export function SigningSecret({ webhook, reload }: Props) {
  const { api, language, notices, t } = useConsole()
  const [shown, setShown] = useState(false)
  const [rotating, setRotating] = useState(false)
  const { signing_secret: secret, previous_secret_until: until } = webhook
  const rotate = async () => {
    await api.post(`/webhooks/${webhook.id}/signing-secret/rotate`)
    setRotating(false)
    reload()
    notices.done(t('webhooks.rotated'))
  }
  return (
    <>
      <span class="secret">
        <code>{shown ? secret : `${secret.slice(0, 6)}${'•'.repeat(12)}`}</code>
        <button type="button" class="button quiet small" aria-pressed={shown} onClick={() => setShown(!shown)}>
          {t('webhooks.show-secret')}
        </button>
        <CopyButton text={secret} label={t('webhooks.copy-secret')} />
        <button type="button" class="button small" onClick={() => setRotating(true)}>
          {t('webhooks.rotate')}
        </button>
      </span>
      {until && <p class="hint">{t('webhooks.old-secret', { time: language.longTime(new Date(until)) })}</p>}
      {rotating && (
        <FormDialog
          title={t('webhooks.rotate-title')}
          submit={t('webhooks.rotate')}
          act={rotate}
          onClose={() => setRotating(false)}
        >
          <p>{t('webhooks.rotate-ask')}</p>
        </FormDialog>
      )}
    </>
  )
}
