"""How the cases of all vectors write bytes."""


def short(data, zeros):
    """Hexadecimal, with runs of at least so many zeros as 00*n."""
    words, i = [], 0
    while i < len(data):
        j = i
        while j < len(data) and data[j] == 0:
            j += 1
        if j - i >= zeros:
            words.append(f"00*{j - i}")
            i = j
            continue
        j = i
        while j < len(data) and data[j:j + zeros] != bytes(zeros):
            j += 1
        words.append(data[i:j].hex())
        i = j
    return " ".join(words)
