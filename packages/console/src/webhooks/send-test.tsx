import { useState } from 'preact/hooks'
import type { Webhook } from '../api/resources.ts'
import { useConsole } from '../app/console.ts'
import { FormDialog, textOf } from '../ui/form-dialog.tsx'
import { EVENT_TYPES } from './event-types.ts'

type Props = { readonly webhook: Webhook; readonly onSent: () => void }

/** Sends an event made up for the purpose, and opens it to show the answer. */
export function SendTest({ webhook, onSent }: Props) {
  const { api, router, t } = useConsole()
  const [asking, setAsking] = useState(false)
  const types = EVENT_TYPES.filter((type) => webhook.events?.includes(type))
  const send = async (form: FormData) => {
    const { id } = await api.post<{ id: string }>(`/webhooks/${webhook.id}/test`, { type: textOf(form, 'type') })
    setAsking(false)
    onSent()
    router.go(['webhooks', webhook.id, id])
  }
  if (webhook.status === 'disabled' || types.length === 0) return null
  return (
    <>
      <button type="button" class="button primary" onClick={() => setAsking(true)}>
        {t('webhooks.test')}
      </button>
      {asking && (
        <FormDialog
          title={t('webhooks.test')}
          submit={t('webhooks.send-test')}
          act={send}
          onClose={() => setAsking(false)}
        >
          <label class="field">
            <span>{t('webhooks.type')}</span>
            <select name="type">
              {types.map((type) => (
                <option key={type}>{type}</option>
              ))}
            </select>
            <span class="hint">{t('webhooks.test-hint')}</span>
          </label>
        </FormDialog>
      )}
    </>
  )
}
