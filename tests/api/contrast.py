"""Text of a page that stands out too little from its ground (WCAG 2.2, 1.4.3), as the browser has drawn it."""

from __future__ import annotations

FAINT = """() => {
  const parts = colour => {
    const n = colour.match(/[\\d.]+/g).map(Number)
    return [n[0], n[1], n[2], n[3] === undefined ? 1 : n[3]]
  }
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1)
  const ground = element => {
    const layers = []
    for (let at = element; at; at = at.parentElement) layers.unshift(parts(getComputedStyle(at).backgroundColor))
    return layers.reduce((below, top) => over(top, below), [255, 255, 255, 1])
  }
  const seen = element => {
    let all = 1
    for (let at = element; at; at = at.parentElement) all *= +getComputedStyle(at).opacity
    return all
  }
  const light = colour => {
    const [r, g, b] = colour.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const found = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement, style = getComputedStyle(element)
    const box = element.getBoundingClientRect()
    const hidden = !box.width || style.visibility === 'hidden' || ['STYLE', 'SCRIPT', 'OPTION'].includes(element.tagName)
    if (!walker.currentNode.data.trim() || hidden || element.closest(':disabled')) continue
    const behind = ground(element), ink = parts(style.color)
    const shown = over([ink[0], ink[1], ink[2], ink[3] * seen(element)], behind)
    const [a, b] = [light(shown), light(behind)].sort((x, y) => y - x)
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && +style.fontWeight >= 700)
    const ratio = (a + 0.05) / (b + 0.05)
    if (ratio < (large ? 3 : 4.5)) found.push({
      text: walker.currentNode.data.trim().slice(0, 30), ratio: ratio.toFixed(2),
      where: element.tagName + '.' + element.className,
      text_colour: shown.map(Math.round).join(), ground: behind.map(Math.round).join()
    })
  }
  return found
}"""
"""Every text below 4.5:1 (3:1 where it is large), with the place, its colour and its ground."""
