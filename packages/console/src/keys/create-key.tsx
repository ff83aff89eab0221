import { useId, useState } from 'preact/hooks'
import type { ApiKey, Domain } from '../api/resources.ts'
import { useConsole } from '../app/console.ts'
import { CopyButton } from '../ui/copy-button.tsx'
import { Dialog } from '../ui/dialog.tsx'
import { FormDialog, textOf } from '../ui/form-dialog.tsx'
import './keys.css'

export type CreatedKey = { readonly name: string; readonly token: string }

const PERMISSIONS: readonly ApiKey['permission'][] = ['sending_access', 'full_access']

type Props = {
  readonly domains: readonly Domain[]
  readonly onCreated: (created: CreatedKey) => void
  readonly onClose: () => void
}

export function CreateKey({ domains, onCreated, onClose }: Props) {
  const { api, t } = useConsole()
  const [permission, setPermission] = useState<ApiKey['permission']>('sending_access')
  const create = async (form: FormData) => {
    const name = textOf(form, 'name')
    const domain = textOf(form, 'domain')
    const wanted = { name, permission, ...(domain !== '' && { domain_id: domain }) }
    const { token } = await api.post<{ token: string }>('/api-keys', wanted)
    onCreated({ name, token })
  }
  return (
    <FormDialog title={t('keys.create')} submit={t('keys.create')} act={create} onClose={onClose}>
      <label class="field">
        <span>{t('keys.name')}</span>
        <input name="name" required maxLength={50} autocomplete="off" placeholder={t('keys.name-example')} />
      </label>
      <fieldset class="choices">
        <legend>{t('keys.permission')}</legend>
        {PERMISSIONS.map((one) => (
          <label key={one} class="choice">
            <input type="radio" name="permission" checked={permission === one} onChange={() => setPermission(one)} />
            <span>
              {t(`keys.permission.${one}`)} <span class="hint">{t(`keys.permission.${one}.hint`)}</span>
            </span>
          </label>
        ))}
      </fieldset>
      {permission === 'sending_access' && (
        <label class="field">
          <span>{t('keys.domain')}</span>
          <select name="domain">
            <option value="">{t('keys.all-domains')}</option>
            {domains.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        </label>
      )}
    </FormDialog>
  )
}

type TokenProps = { readonly created: CreatedKey; readonly onClose: () => void }

/** Shows the token, which is never seen again. */
export function NewToken({ created: { name, token }, onClose }: TokenProps) {
  const { t } = useConsole()
  const hint = useId()
  return (
    <Dialog title={t('keys.created', { name })} onClose={onClose}>
      <p id={hint} class="notice">
        {t('keys.once')}
      </p>
      <div class="token">
        <input class="input" readOnly value={token} aria-label={t('keys.token')} aria-describedby={hint} />
        <CopyButton text={token}>{t('shell.copy')}</CopyButton>
      </div>
      <div class="dialog-foot">
        <button
          type="button"
          class="button primary"
          onClick={(event) => event.currentTarget.closest('dialog')?.close()}
        >
          {t('keys.kept')}
        </button>
      </div>
    </Dialog>
  )
}
