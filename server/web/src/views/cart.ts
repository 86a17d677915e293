/** The shopping cart on one device. Quantities are counters: what two devices add apart adds up. */

import { html, nothing } from "lit"
import { repeat } from "lit/directives/repeat.js"
import type { Device } from "../device.js"
import { CATALOGUE, newLine, pieces, type Cart, type Line, type Product } from "../documents.js"
import { LABELS, inSentence } from "../labels.js"
import { writeRegister } from "../registers.js"
import { count, price } from "../words.js"
import { icons } from "./icons.js"
import type { Write } from "../components/field.js"
import "../components/field.js"

export function cartView(device: Device, cart: Cart) {
  const inCart = CATALOGUE.filter(({ sku }) => pieces(cart.lines[sku]) > 0)
  const others = CATALOGUE.filter(({ sku }) => pieces(cart.lines[sku]) === 0)
  const piecesCount = inCart.reduce((sum, { sku }) => sum + pieces(cart.lines[sku]), 0)
  const cents = inCart.reduce((sum, { sku, priceCents }) => sum + pieces(cart.lines[sku]) * priceCents, 0)
  return html`
    ${
      inCart.length === 0
        ? html`<p class="empty">${icons.cart}<span>Nothing in the cart yet. Add something below.</span></p>`
        : html`<ul class="lines">
            ${repeat(
              inCart,
              ({ sku }) => sku,
              product => lineView(device, product, cart.lines[product.sku]!),
            )}
          </ul>`
    }
    ${
      piecesCount > 0
        ? html`<p class="total"><span>${count(piecesCount, "piece")}</span><strong>${price(cents)}</strong></p>`
        : nothing
    }
    ${
      others.length > 0
        ? html`
            <h4>Add to the cart</h4>
            <div class="chips">
              ${others.map(
                product => html`
                  <button class="chip" @click=${() => addPieces(device, product, 1)}>
                    ${icons.add}${product.title}<span class="quiet">${price(product.priceCents)}</span>
                  </button>
                `,
              )}
            </div>
          `
        : nothing
    }
  `
}

function lineView(device: Device, product: Product, line: Line) {
  const quantity = pieces(line)
  const path = `lines/${product.sku}`
  const button = (difference: number, label: string, icon: unknown) => html`
    <button class="square" aria-label=${label} @click=${() => addPieces(device, product, difference)}>${icon}</button>
  `
  const label = `${LABELS.cart.note} on ${product.title}`
  const edit = (text: string) => (cart: Cart) => {
    const target = cart.lines[product.sku]
    if (target) writeRegister(target, "note", text)
  }
  const writeNote: Write = (text, since) => device.change("cart", inSentence(label), edit(text), since)
  return html`
    <li class="line ${device.isHighlighted("cart", path) ? "arrived" : ""}">
      <span class="title">${product.title}<span class="quiet">${price(product.priceCents)}</span></span>
      <span class="stepper" role="group" aria-label="Quantity of ${product.title}">
        ${button(-1, `One ${product.title} less`, icons.less)}
        <output aria-label="Pieces">${quantity}</output>
        ${button(1, `One ${product.title} more`, icons.add)}
      </span>
      <button
        class="square quiet"
        aria-label="Remove ${product.title}"
        @click=${() => removeLine(device, product)}
      >
        ${icons.remove}
      </button>
      <tb-field
        unlabelled
        name="${device.id}-cart-lines-${product.sku}-note"
        label=${label}
        placeholder="Add a note"
        .value=${String(line.note)}
        .heads=${device.heads("cart")}
        .drafts=${device.drafts.cart}
        .write=${writeNote}
        ?arrived=${device.isHighlighted("cart", `${path}/note`)}
      ></tb-field>
    </li>
  `
}

function addPieces(device: Device, product: Product, difference: number) {
  const { sku, title } = product
  if (pieces(device.document("cart")?.lines[sku]) + difference <= 0) return removeLine(device, product)
  const what = difference > 0 ? `${title}, ${difference} more` : `${title}, ${-difference} less`
  device.change("cart", what, cart => {
    cart.lines[sku] ??= newLine()
    cart.lines[sku].qty.increment(difference)
  })
}

function removeLine(device: Device, { sku, title }: Product) {
  device.change("cart", `${title} removed`, cart => void delete cart.lines[sku])
}
