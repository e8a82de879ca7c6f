"""
Two storages as one: what is changed is kept in the upper one, and the lower one is never written to.

What the upper one has at a path is there. What only the lower one has is there unless a *mark* hides it: an empty file
of the upper one, in the directory of the name that it stands for. A mark hides all that the lower one has at its name
and below, and stays for good; so a directory that is made again after it was removed is empty.

Every change goes step by step, in an order in which the tree looks the same until the one step that changes it: what is
to be moved is copied up first, a mark is set before what is in front of it goes away, and the last step is one of the
upper storage.
"""
