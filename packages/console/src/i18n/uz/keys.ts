import type { Translated } from '../catalogue.ts'
import type { keys as en } from '../en/keys.ts'

export const keys: Translated<typeof en> = {
  'keys.title': 'API kalitlari',
  'keys.none': 'Hali API kaliti yoʻq',
  'keys.none-lead': 'Xat yuboradigan yoki oʻqiydigan har bir dastur uchun alohida kalit yarating.',
  'keys.create': 'Kalit yaratish',
  'keys.name': 'Nomi',
  'keys.name-example': 'Internet-doʻkon',
  'keys.permission': 'Huquqi',
  'keys.permission.full_access': 'Toʻliq',
  'keys.permission.full_access.hint': 'bu sahifada mumkin boʻlgan hamma narsa',
  'keys.permission.sending_access': 'Yuborish',
  'keys.permission.sending_access.hint': 'xat yuboradi, hech narsani oʻqimaydi',
  'keys.domain': 'Domen',
  'keys.all-domains': 'Barcha domenlar',
  'keys.used': 'Oxirgi marta ishlatilgan',
  'keys.created': '“{name}” kaliti yaratildi',
  'keys.once': 'Kalitni hozir nusxalab oling. U faqat shu bir marta koʻrsatiladi.',
  'keys.token': 'API kaliti',
  'keys.kept': 'Nusxalab oldim',
  'keys.rename': 'Nomini oʻzgartirish',
  'keys.rename-title': '“{name}” nomini oʻzgartirish',
  'keys.delete': 'Kalitni oʻchirish',
  'keys.delete-ask': '“{name}” kalitidan foydalanadigan dasturlar shu zahoti rad etiladi. Buni qaytarib boʻlmaydi.',
  'keys.deleted': '“{name}” oʻchirildi',
}
