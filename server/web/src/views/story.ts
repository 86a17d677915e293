/** The three steps, as cards over the devices; what can be clicked of the next is above them. */

import { html, nothing } from "lit"
import type { Device } from "../device.js"
import { STEPS, type Step, type Story } from "../story.js"
import { icons } from "./icons.js"

interface Card {
  step: Step
  title: string
  text: string
  action?: { title: string; run: () => void }
}

export function storyView(story: Story, devices: readonly Device[], changed: () => void) {
  if (story.isDismissed) return nothing
  const dismiss = () => {
    story.dismiss()
    changed()
  }
  const again = () => {
    story.startAgain()
    changed()
  }
  const steps = cards(devices)
  const onceMore = { title: "Once more", run: again }
  const action = story.step === "merged" ? onceMore : steps.find(({ step }) => step === story.step)?.action
  return html`
    <section class="story" aria-labelledby="story-title">
      <header>
        <h2 id="story-title">${story.step === "merged" ? "Merged, nothing lost" : "Try it in three steps"}</h2>
        ${action ? html`<button class="primary" @click=${action.run}>${action.title}</button>` : nothing}
        <button class="plain" @click=${dismiss}>Hide</button>
      </header>
      <ol>
        ${steps.map((card, index) => cardView(card, index, story))}
      </ol>
    </section>
  `
}

function cards(devices: readonly Device[]): Card[] {
  const cut = () => devices[0]?.cut()
  const reconnect = () => devices.filter(device => device.isCut).forEach(device => device.reconnect())
  return [
    {
      step: "cut",
      title: "Cut the phone",
      text: "Its connection really closes. The phone goes on with what it has.",
      action: { title: "Cut the phone", run: cut },
    },
    {
      step: "edit",
      title: "Edit on both",
      text: "Write into “About” on both: that merges. Give both another name: that is for you to choose. Fill the same cart.",
    },
    {
      step: "reconnect",
      title: "Reconnect",
      text: "Watch both come to the same result, and the history join below. Where they disagree, choose.",
      action: { title: "Reconnect", run: reconnect },
    },
  ]
}

function cardView(card: Card, index: number, story: Story) {
  const position = STEPS.indexOf(card.step) - STEPS.indexOf(story.step)
  const state = position < 0 ? "done" : position === 0 ? "next" : "later"
  return html`
    <li class="card ${state}" aria-current=${state === "next" ? "step" : nothing}>
      <span class="number" aria-hidden="true">${state === "done" ? icons.done : index + 1}</span>
      <div>
        <h3>${card.title}${state === "done" ? html`<span class="visually-hidden">, done</span>` : nothing}</h3>
        <p>${card.text}</p>
      </div>
    </li>
  `
}
