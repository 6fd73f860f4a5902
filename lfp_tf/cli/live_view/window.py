"""The live view as a window of tkinter, where Python has it and a display can be opened."""

POLL_MILLISECONDS = 15
HELP_TEXT = "q quits"


def open_root():
    """A hidden window of tkinter, or None where there is no tkinter or no display."""
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
        stage: `Stage`.
        root: from `open_root`.
    """

    greeting = f"The live view is a window ({HELP_TEXT})."

    def __init__(self, stage, root):
        import tkinter

        self.stage, self._root, self._shown, self._mouse = stage, root, None, None
        self._over = self._image = None
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

    def wait_for_viewer(self, is_cancelled):
        """A window is looked at from the start."""
        return not is_cancelled()

    def run(self, over):
        """Shows the stage until the event `over` is set, or the window is closed."""
        self._over = over
        self._root.deiconify()
        self._root.after(POLL_MILLISECONDS, self._poll)
        self._root.mainloop()

    def close(self):
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
        self._name()

    def _name(self):
        seen = self.stage.snapshot()
        parts = [f"frame {seen['number']}"]
        if seen["frames_per_second"]:
            parts.append(f"{seen['frames_per_second']:.1f} frames per second")
        found = self._mouse and self._shown.name_at(*self._mouse)
        hint = seen["hint"]
        parts.append(found[1] if found else f"{HELP_TEXT}. {hint}".removesuffix(" "))
        self._line.configure(text="   ".join(parts))

    def _move(self, event):
        self._mouse = (event.x, event.y)
        if self._shown is not None:
            self._name()

    def _leave(self, _):
        self._mouse = None

    def _quit(self):
        self._root.quit()
