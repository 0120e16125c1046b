// Copies an embed snippet at a click. Without scripts the text is there to be selected, and the button stays hidden.

for (const button of document.querySelectorAll("[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  const said = button.parentElement.querySelector("[role=status]");
  button.hidden = false;
  button.addEventListener("click", async () => {
    source.select();
    said.textContent = (await copy(source.value)) ? button.dataset.done : button.dataset.byHand;
  });
  source.addEventListener("focus", () => source.select());
}

// Pages without https have no clipboard of the newer kind.
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return document.execCommand("copy");
  }
}
