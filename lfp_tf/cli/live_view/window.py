"""The live view as a window of tkinter, where Python has it and a display can be opened."""

import threading
from collections.abc import Callable
from typing import Any

from lfp_tf.cli.live_view.stage import Result, Stage

POLL_MILLISECONDS = 15
HELP_TEXT = "q quits"


# tkinter is missing from some installations, so its classes are no types here.
def open_root() -> Any:
    """Opens a hidden window of tkinter; None where there is no tkinter or no display."""
    try:
        import tkinter
    except ImportError:
        return None
    try:
        root = tkinter.Tk()
    except tkinter.TclError:
        return None
    root.withdraw()
    return root


class WindowView:
    """Shows a `Stage` in a window until it is over, closed, or q is pressed.

    Args:
        stage: what is shown.
        root: from `open_root`.
    """

    greeting = f"The live view is a window ({HELP_TEXT})."

    def __init__(self, stage: Stage, root: Any) -> None:
        import tkinter

        self.stage, self._root = stage, root
        self._shown: Result | None = None
        self._mouse: tuple[int, int] | None = None
        self._over, self._image = threading.Event(), None
        self._make_image = tkinter.PhotoImage
        root.title(f"lfp-tf: {stage.title}")
        self._frame_label = tkinter.Label(root)
        self._legend = tkinter.Label(root, justify="left", anchor="nw")
        self._line = tkinter.Label(root, text=HELP_TEXT, anchor="w")
        self._line.pack(side="bottom", fill="x")
        self._frame_label.pack(side="left", anchor="n")
        self._legend.pack(side="left", anchor="n", padx=8)
        self._frame_label.bind("<Motion>", self._move)
        self._frame_label.bind("<Leave>", self._leave)
        root.bind("q", lambda _: self._quit())
        root.protocol("WM_DELETE_WINDOW", self._quit)

    def wait_for_viewer(self, is_cancelled: Callable[[], bool]) -> bool:
        """Does not wait: a window has a viewer from the start."""
        return not is_cancelled()

    def run(self, over: threading.Event) -> None:
        """Shows the stage until `over` is set, or the window is closed."""
        self._over = over
        self._root.deiconify()
        self._root.after(POLL_MILLISECONDS, self._poll)
        self._root.mainloop()

    def close(self) -> None:
        """Takes the window away."""
        self._root.destroy()

    def _poll(self):
        is_over = self._over.is_set()  # Asked first: the last result comes before it.
        result = self.stage.result
        if result is not None and result is not self._shown:
            self._show(result)
        if is_over:
            self._quit()
        else:
            self._root.after(POLL_MILLISECONDS, self._poll)

    def _show(self, result):
        self._shown = result
        height, width = result.overlay.shape[:2]
        header = f"P6 {width} {height} 255\n".encode()
        # tkinter keeps no reference of its own: the image would vanish.
        self._image = self._make_image(data=header + result.overlay.tobytes(), format="PPM")
        self._frame_label.configure(image=self._image)
        lines = [f"{entry['share']:6.1%}  {entry['name']}" for entry in result.legend]
        self._legend.configure(text="\n".join(lines))
        self._tell(result)

    def _tell(self, result):
        """Writes the line: number, speed and what is under the mouse."""
        facts = self.stage.snapshot()
        parts = [f"frame {facts['number']}"]
        if facts["frames_per_second"]:
            parts.append(f"{facts['frames_per_second']:.1f} frames per second")
        label = result.name_at(*self._mouse) if self._mouse else None
        parts.append(label[1] if label else f"{HELP_TEXT}. {facts['hint']}".removesuffix(" "))
        self._line.configure(text="   ".join(parts))

    def _move(self, event):
        self._mouse = (event.x, event.y)
        if self._shown is not None:
            self._tell(self._shown)

    def _leave(self, _):
        self._mouse = None

    def _quit(self):
        self._root.quit()
